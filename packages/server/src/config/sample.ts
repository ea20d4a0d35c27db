import { stringify } from 'yaml';
import { settingAt, settingPaths, variableOf, type SettingPath } from './settings.ts';

const HEAD = `# Task Center: every key with its default (or an example, where it says so), commented out.
# Take the "# " away to set one. A variable, named beside each key, wins over this file; a flag over both.
# A file that sets nothing leaves a start on loopback in mode "try", where callbacks may go anywhere.
`;

function lineOf(path: SettingPath): string {
  const { fallback, example } = settingAt(path);
  const key = path.split('.').at(-1) ?? path;
  const value =
    example ?? stringify(fallback, { collectionStyle: 'flow', flowCollectionPadding: false }).trim();
  return `${key}: ${value}`;
}

/** The sample configuration file: a comment above each key, every line commented out. */
export function sampleYaml(): string {
  const lines: string[] = [];
  let group = '';
  for (const path of settingPaths) {
    const own = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '';
    const indent = own === '' ? '' : '  ';
    lines.push('');
    if (own !== group && own !== '') lines.push(`# ${own}:`);
    const about = [settingAt(path).about, `Variable: ${variableOf(path)}`];
    lines.push(...about.map((line) => `# ${indent}# ${line}`), `# ${indent}${lineOf(path)}`);
    group = own;
  }
  return `${HEAD}${lines.join('\n')}\n`;
}
