/**
 * SIGHUP: the configuration is read again while the service runs. Keys whose setting is `live` take effect at once; to
 * make another key live, mark it in `config/settings.ts` and pass its value on in `apply`.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@task-center/engine';
import type { Config, LogLevel, ShutdownTimes } from './config/config.ts';
import { settingAt, settingPaths, type SettingPath } from './config/settings.ts';
import type { LiveRules } from './http/live-rules.ts';

/** What a new configuration reaches. */
export interface ReloadDeps {
  readonly rules: Pick<LiveRules, 'replace'>;
  readonly log: Log;
  setLogLevel(level: LogLevel): void;
}

/** The configuration that is in force, and the way to another one. */
export interface LiveConfig {
  readonly shutdown: ShutdownTimes;
  /** Reads the configuration and applies it. If it cannot be read or is not valid, nothing changes. Never rejects. */
  reload(read: () => Promise<Config>): Promise<void>;
}

const changesBetween = (before: Config, after: Config): SettingPath[] =>
  settingPaths.filter((path) => !isDeepStrictEqual(before.settings[path], after.settings[path]));

export function createLiveConfig(initial: Config, { rules, log, setLogLevel }: ReloadDeps): LiveConfig {
  /** What the service was started with. Keys that need a restart keep these values. */
  const started = initial;
  let current = initial;

  function apply(next: Config): void {
    const changed = changesBetween(current, next);
    current = next;
    rules.replace(next.callbacks);
    setLogLevel(next.log.level);
    const restart = changesBetween(started, next).filter((path) => !settingAt(path).live);
    log.info({ changed: changed.join(' ') }, 'the configuration was read again');
    if (restart.length > 0)
      log.warn({ restart: restart.join(' ') }, 'some of what has changed takes effect only after a restart');
  }

  return {
    get shutdown() {
      return current.shutdown;
    },
    async reload(read) {
      try {
        apply(await read());
      } catch (error) {
        const { message } = error as Error;
        log.error({ reason: message }, 'the configuration was not read again, and nothing has changed');
      }
    },
  };
}
