// Draws each kind of panel with the component that Grafana draws it with.
// State timelines have no public component, so theirs is a plain rendition in timeline.tsx.
import {
  type DataFrame, dateTime, type FieldDisplay, getDisplayValueAlignmentFactors, getFieldDisplayValues,
  type GrafanaTheme2, type TimeRange,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { limited } from './fields';
import { Timeline } from './timeline';

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  options: Record<string, any>;
  fieldConfig: any;
  targets: any[];
  transformations?: any[];
}

export interface Drawn {
  panel: Panel;
  data: DataFrame[];
  width: number;
  height: number;
  range: TimeRange;
  theme: GrafanaTheme2;
}

export function Body(drawn: Drawn) {
  const empty = !drawn.data.some((frame) => frame.length > 0);
  // Grafana draws tiles and bars that have nothing to show like values that are null.
  if (empty && drawn.panel.type !== 'stat' && drawn.panel.type !== 'bargauge') {
    return <div className="empty">{drawn.panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
  }
  const kinds: Record<string, (drawn: Drawn) => React.ReactNode> = {
    stat: Stats, bargauge: Bars, timeseries: Lines, table: Rows, 'state-timeline': Timeline,
  };
  const Kind = kinds[drawn.panel.type] as React.FC<Drawn>;
  return <Kind {...drawn} />;
}

function shown({ panel, data, theme }: Drawn): FieldDisplay[] {
  return getFieldDisplayValues({
    fieldConfig: limited(panel.fieldConfig),
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    data,
    timeZone: 'utc',
  });
}

function Stats(drawn: Drawn) {
  const { options } = drawn.panel;
  const named = options.textMode === 'value_and_name';
  return (
    <VizRepeater
      getValues={() => shown(drawn)}
      renderValue={({ value, width, height, count }) => (
        <BigValue
          value={named ? value.display : { ...value.display, title: undefined }}
          count={count}
          width={width}
          height={height}
          theme={drawn.theme}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
        />
      )}
      source={drawn.data}
      renderCounter={0}
      orientation={options.orientation}
      autoGrid
      width={drawn.width}
      height={drawn.height}
    />
  );
}

function Bars(drawn: Drawn) {
  const { options } = drawn.panel;
  return (
    <VizRepeater
      getValues={() => shown(drawn)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, alignmentFactors }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          width={width}
          height={height}
          orientation={options.orientation}
          displayMode={options.displayMode}
          valueDisplayMode={options.valueMode}
          showUnfilled={options.showUnfilled}
          namePlacement={options.namePlacement}
          alignmentFactors={alignmentFactors}
          theme={drawn.theme}
          itemSpacing={8}
        />
      )}
      source={drawn.data}
      renderCounter={0}
      orientation={options.orientation}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
      itemSpacing={8}
      width={drawn.width}
      height={drawn.height}
    />
  );
}

function Lines({ panel, data, width, height, range }: Drawn) {
  return (
    <TimeSeries
      frames={data}
      width={width}
      height={height}
      timeRange={range}
      timeZone="utc"
      legend={panel.options.legend}
      options={panel.options}
    />
  );
}

function Rows({ panel, data, width, height, range }: Drawn) {
  return (
    <TableNG
      data={data[0]}
      width={width}
      height={height}
      timeRange={range}
      sortBy={panel.options.sortBy}
      enablePagination={panel.options.enablePagination}
      fieldConfig={panel.fieldConfig}
      replaceVariables={(text: string) => text}
      structureRev={1}
    />
  );
}

export function rangeOf(from: number, to: number): TimeRange {
  const [first, last] = [dateTime(from * 1000), dateTime(to * 1000)];
  return { from: first, to: last, raw: { from: first, to: last } };
}
