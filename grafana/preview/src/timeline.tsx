// A plain rendition of Grafana's state timeline: a line for each series, coloured by its state at each moment.
// Colours and words come from the panel's mappings, as in Grafana.
import { getFieldDisplayName } from '@grafana/data';

import { numbers } from './fields';
import type { Drawn } from './panels';

const NAMES = 340;
const FOOT = 44;

export function Timeline({ panel, data, width, height, range }: Drawn) {
  const rows = numbers(data);
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const high = Math.min(28, (height - FOOT) / rows.length);
  const at = (time: number) => NAMES + ((width - NAMES) * (time - from)) / (to - from);
  const meanings = Object.entries(panel.fieldConfig.defaults.mappings[0].options) as Array<[string, { text: string }]>;
  return (
    <svg width={width} height={height} className="timeline">
      {rows.map(({ frame, field }, row) => {
        const times = frame.fields[0].values as number[];
        const step = times.length > 1 ? times[1] - times[0] : to - from;
        return (
          <g key={row} transform={`translate(0 ${row * high})`}>
            <text x={NAMES - 8} y={high / 2} textAnchor="end" dominantBaseline="central">
              {getFieldDisplayName(field, frame, data)}
            </text>
            {times.map((time, index) => {
              const [left, right] = [at(time), Math.min(at(time + step) + 0.5, width)];
              const { color } = field.display!(field.values[index]);
              return (
                <rect key={time} x={left} width={Math.max(0, right - left)} y={high * 0.1} height={high * 0.8}
                  fill={color} opacity={panel.fieldConfig.defaults.custom.fillOpacity / 100} />
              );
            })}
          </g>
        );
      })}
      {[0, 0.25, 0.5, 0.75, 1].map((share) => {
        const time = new Date(from + share * (to - from)).toISOString().slice(11, 19);
        const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
        return <text key={share} x={at(from + share * (to - from))} y={height - 30} textAnchor={anchor}>{time}</text>;
      })}
      <g transform={`translate(${NAMES} ${height - 8})`}>
        {meanings.map(([value, { text }], index) => (
          <g key={text} transform={`translate(${index * 120} 0)`}>
            <rect y={-9} width={14} height={4} fill={rows[0]?.field.display!(Number(value)).color} />
            <text x={20}>{text}</text>
          </g>
        ))}
      </g>
    </svg>
  );
}
