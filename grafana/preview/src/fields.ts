// Applies a panel's transformations and field configuration with Grafana's own code.
// It registers what Grafana itself registers when it starts: the transformations and the field properties used.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  type DataFrame,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  FieldType,
  type GrafanaTheme2,
  Registry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

const PLAIN = ['unit', 'decimals', 'min', 'max', 'mappings', 'color', 'thresholds', 'links', 'noValue', 'displayName'];
const CUSTOM = [
  'cellOptions', 'width', 'minWidth', 'filterable', 'inspect', 'align', 'lineWidth', 'fillOpacity', 'showPoints',
  'stacking', 'scaleDistribution', 'drawStyle', 'pointSize', 'lineInterpolation', 'axisPlacement',
];

const properties = new Registry<FieldConfigPropertyItem>(() => [
  ...PLAIN.map((path) => property(path, path, false)),
  ...CUSTOM.map((path) => property(`custom.${path}`, path, true)),
]);

function property(id: string, path: string, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id,
    path,
    isCustom,
    name: id,
    process: (value: unknown) => value,
    shouldApply: () => true,
    override: () => null,
    editor: () => null,
  } as unknown as FieldConfigPropertyItem;
}

export function register(): void {
  // some transformations have two names and one id
  const known = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(() =>
    [...known.values()].map((transformation) => ({
      id: transformation.id,
      name: transformation.name,
      transformation: async () => transformation,
      editor: () => null,
      imageDark: '',
      imageLight: '',
    })) as never
  );
}

export async function prepared(
  panel: { transformations?: unknown[]; fieldConfig: FieldConfigSource },
  data: DataFrame[],
  theme: GrafanaTheme2
): Promise<DataFrame[]> {
  const transformed = await firstValueFrom(transformDataFrame((panel.transformations ?? []) as never, data));
  const fields = applyFieldOverrides({
    data: transformed,
    fieldConfig: limited(panel.fieldConfig),
    fieldConfigRegistry: properties,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(fields);
  return fields;
}

// JSON has no -Infinity: Grafana reads null as it when it loads a dashboard
export function limited(config: FieldConfigSource): FieldConfigSource {
  const copy = structuredClone(config);
  const all = [copy.defaults.thresholds, ...copy.overrides.flatMap((one) => one.properties.map((p) => p.value))];
  for (const one of all as Array<{ steps?: Array<{ value: number | null }> } | undefined>) {
    for (const step of one?.steps ?? []) {
      step.value ??= -Infinity;
    }
  }
  return copy;
}

export function numbers(data: DataFrame[]) {
  return data.flatMap((frame) =>
    frame.fields.filter((field) => field.type === FieldType.number).map((field) => ({ frame, field }))
  );
}
