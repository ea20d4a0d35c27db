/** What was set, before it is checked: the values of all sources by path. */
import { didYouMean } from '@task-center/api';
import type { ConfigProblem } from './config.ts';
import { settingPaths, settings, type Setting, type SettingPath } from './settings.ts';

/** A value that was set, not yet checked. `source` says where it was set, for problems. */
export interface Given {
  readonly value: unknown;
  readonly source: string;
}
/** The values that were set, by path. A later source overrides an earlier one. */
export type GivenByPath = Map<SettingPath, Given>;

/** Where the readers of sources put values and problems. */
export interface Walk {
  readonly given: GivenByPath;
  readonly problems: ConfigProblem[];
}

export const isPath = (name: string): name is SettingPath => Object.hasOwn(settings, name);
/** Whether this is the name of a group of keys, such as `http` in `http.port`. */
export const isGroup = (name: string): boolean => settingPaths.some((path) => path.startsWith(`${name}.`));

/** A value as shown in a problem: passwords in URLs hidden, at most 80 characters. */
export function display(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'nothing').replace(/(:\/\/[^:@/"]*):[^"]*@/g, '$1:***@');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

export function unknownKey(path: string, source: string): ConfigProblem {
  const near = didYouMean(path, settingPaths);
  const expected = near === null ? `one of ${settingPaths.join(', ')}` : `a known key; did you mean ${near}?`;
  return { path, source, found: 'an unknown key', expected };
}

/** The value of a text. A text that does not fit the form stays a text; then the schema refuses it. */
export function readText(text: string, form: Setting['form']): unknown {
  if (form === 'number') return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text;
  if (form === 'text') return text;
  if (form === 'words' && !text.trim().startsWith('[')) return text.split(',').map((word) => word.trim());
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
