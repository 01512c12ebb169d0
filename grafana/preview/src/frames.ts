// Turns Prometheus' answers into the data frames that Grafana's own data source makes of them.
// It owns names of fields and frames; what becomes of them is in fields.ts. Unix times become milliseconds.
import { type DataFrame, FieldType, toDataFrame } from '@grafana/data';

export interface Target {
  expr: string;
  refId: string;
  format?: string;
  legendFormat?: string;
}

export interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: Array<[number, string]>;
}

export type Answers = Record<string, Series[]>;

export function frames(targets: Target[], answers: Answers): DataFrame[] {
  return targets.flatMap((target) => {
    const series = answers[target.refId] ?? [];
    return target.format === 'table'
      ? [table(target, series, targets.length)]
      : series.map((one) => line(target, one));
  });
}

function table(target: Target, series: Series[], queries: number): DataFrame {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.metric)))].sort();
  const value = queries > 1 ? `Value #${target.refId}` : 'Value';
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: series.map((one) => one.value![0] * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        config: { filterable: true },
        values: series.map((one) => one.metric[label] ?? ''),
      })),
      { name: value, type: FieldType.number, values: series.map((one) => Number(one.value![1])) },
    ],
  });
}

function line(target: Target, series: Series): DataFrame {
  const points = series.values ?? [series.value!];
  const name = legend(target.legendFormat ?? '', series.metric);
  return toDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        config: { displayNameFromDS: name },
        values: points.map(([, value]) => Number(value)),
      },
    ],
  });
}

function legend(format: string, labels: Record<string, string>): string {
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
}
