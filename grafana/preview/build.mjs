// Bundles the page into one script: `node build.mjs OUTPUT`.
import { build } from 'esbuild';

const output = process.argv[2];
if (!output) {
  throw new Error('say where the script goes: node build.mjs OUTPUT');
}
await build({
  entryPoints: ['src/main.tsx'],
  bundle: true,
  outfile: output,
  format: 'iife',
  jsx: 'automatic',
  loader: { '.svg': 'text', '.woff2': 'empty', '.ttf': 'empty' },
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  minify: true,
  logLevel: 'error',
});
