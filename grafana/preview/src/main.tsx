// The page of one dashboard: heading, variables, and its panels where the JSON puts them.
// The dashboard, the answers and the time range are in window.PREVIEW, written by the program that asks Prometheus.
import { createTheme, type DataFrame, ThemeContext, type TimeRange } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

import { prepared, register } from './fields';
import { type Answers, frames } from './frames';
import { Body, type Panel, rangeOf } from './panels';

interface Preview {
  board: { title: string; panels: Panel[]; templating: { list: Array<Record<string, any>> } };
  answers: Record<string, Answers>;
  width: number;
  from: number;
  to: number;
}

declare global {
  interface Window {
    PREVIEW: Preview;
  }
}

// what variables show at first, by type; others have a value of their own
const VALUES: Record<string, string> = { textbox: ' ', datasource: 'Prometheus', query: 'All' };
const CELL = 38;
const GAP = 8;
const HEAD = 32;
const theme = createTheme({ colors: { mode: 'dark' } });

function placed({ gridPos }: Panel) {
  const column = (window.PREVIEW.width - 2 * GAP) / 24;
  return {
    left: GAP + gridPos.x * column,
    top: gridPos.y * CELL,
    width: gridPos.w * column - GAP,
    height: gridPos.h * CELL - GAP,
  };
}

function Frame({ panel, data, range }: { panel: Panel; data: DataFrame[]; range: TimeRange }) {
  const place = placed(panel);
  if (panel.type === 'row') {
    return <div className="row" style={place}>⌄ {panel.title}</div>;
  }
  return (
    <section style={place}>
      <h2>{panel.title}</h2>
      <div className="body">
        <Body panel={panel} data={data} range={range} theme={theme} width={place.width - 16}
          height={place.height - HEAD - 8} />
      </div>
    </section>
  );
}

function Page({ preview, data }: { preview: Preview; data: Map<number, DataFrame[]> }) {
  const { board } = preview;
  const range = rangeOf(preview.from, preview.to);
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <header>
        <h1>{board.title}</h1>
        {board.templating.list.filter((one) => one.hide !== 2).map((one) => (
          <span key={one.name} className="variable">
            <b>{one.label}</b>
            <i>{VALUES[one.type] ?? one.current.text}</i>
          </span>
        ))}
      </header>
      <main>
        {board.panels.map((panel) => (
          <Frame key={panel.id} panel={panel} data={data.get(panel.id) ?? []} range={range} />
        ))}
      </main>
    </ThemeContext.Provider>
  );
}

function styled() {
  const { colors, typography } = theme;
  const style = document.createElement('style');
  style.textContent = `
    * { box-sizing: border-box; }
    body { margin: 0; background: ${colors.background.canvas}; color: ${colors.text.primary};
      font: ${typography.body.fontSize}/${typography.body.lineHeight} ${typography.fontFamily}; font-size: 14px; }
    header { display: flex; gap: 8px; align-items: center; padding: 10px 16px; flex-wrap: wrap; }
    header h1 { font-size: 18px; font-weight: 500; margin: 0 16px 0 0; }
    .variable { display: flex; font-size: 12px; border: 1px solid ${colors.border.medium}; border-radius: 2px; }
    .variable b { padding: 5px 8px; background: ${colors.background.secondary}; font-weight: 500; }
    .variable i { padding: 5px 8px; font-style: normal; min-width: 44px; }
    main { position: relative; }
    section { position: absolute; overflow: hidden; background: ${colors.background.primary};
      border: 1px solid ${colors.border.weak}; border-radius: 2px; }
    section h2 { font-size: 14px; font-weight: 500; margin: 0; padding: 5px 8px; height: ${HEAD}px; }
    .body { padding: 0 8px 8px; }
    .row { position: absolute; font-size: 16px; font-weight: 500; padding: 2px 8px; }
    .empty { color: ${colors.text.secondary}; text-align: center; padding: 24px; font-size: 18px; }
    .timeline text { fill: ${colors.text.primary}; font-size: 12px; }
  `;
  document.head.append(style);
}

async function start() {
  register();
  styled();
  const preview = window.PREVIEW;
  const data = new Map<number, DataFrame[]>();
  for (const panel of preview.board.panels.filter((one) => one.type !== 'row')) {
    data.set(panel.id, await prepared(panel, frames(panel.targets, preview.answers[panel.id]), theme));
  }
  const bottom = Math.max(...preview.board.panels.map((panel) => panel.gridPos.y + panel.gridPos.h));
  const root = document.createElement('div');
  root.style.height = `${bottom * CELL + 60}px`;
  document.body.append(root);
  createRoot(root).render(<Page preview={preview} data={data} />);
}

void start();
