// Draws the rates of the engine scenario as an SVG bar chart: one group per job, each on its own scale.

const WIDTH = 860;
const LABEL = 190;
const BAR = 450;
const ROW = 20;
const GAP = 18;
const TOP = 54;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .group { font-weight: 600 }
  .quiet { fill: #57606a; font-size: 12px }
  .ours { fill: #0969da }
  .other { fill: #afb8c1 }
  .ceiling { fill: none; stroke: #afb8c1; stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #8d96a0 } .ours { fill: #4493f8 }
    .other { fill: #656c76 } .ceiling { stroke: #656c76 }
  }`;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const textElement = (x, y, [kind, text]) => `<text class="${kind}" x="${x}" y="${y}">${escaped(text)}</text>`;

function kindOf(peer) {
  if (peer.startsWith('Task Center')) return 'ours';
  return peer.startsWith('Ceiling') ? 'ceiling' : 'other';
}

/** A bar with its labels. @param maxRate the rate of the longest bar of the group */
function rowOf(row, y, maxRate) {
  const rate = row['tasks/s'];
  const width = Math.max(1, (rate / maxRate) * BAR);
  const times = row['× BullMQ'];
  const ratio = times === null ? '' : ` (${times.toFixed(2)} × BullMQ)`;
  return [
    textElement(8, y + 14, ['', row.peer]),
    `<rect class="${kindOf(row.peer)}" x="${LABEL}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 6}" rx="2"/>`,
    textElement(LABEL + width + 6, y + 14, ['quiet', `${rate.toLocaleString('en')}${ratio}`]),
  ];
}

/** The chart as SVG. @param rows the rows of the engine's table */
export function chart(title, rows) {
  const elements = [];
  let y = TOP;
  for (const scenario of new Set(rows.map((row) => row.scenario))) {
    const group = rows.filter((row) => row.scenario === scenario);
    const maxRate = Math.max(...group.map((row) => row['tasks/s']));
    elements.push(textElement(8, y + 12, ['group', `${scenario}, tasks/s`]));
    y += ROW;
    for (const row of group) {
      elements.push(...rowOf(row, y, maxRate));
      y += ROW;
    }
    y += GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    textElement(8, 24, ['title', title]),
    textElement(8, 42, [
      'quiet',
      'Longer is better; each scenario has its own scale. Dashed: a ceiling, no queue.',
    ]),
    ...elements,
    '</svg>\n',
  ].join('\n');
}
