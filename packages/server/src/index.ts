/** The public names of `@task-center/server`. */
export { createLocalKey, type NewKey } from './auth/local-key.ts';
export type { FirstKey } from './auth/first-key.ts';
export {
  ConfigError,
  problemText,
  type Config,
  type ConfigProblem,
  type LogLevel,
  type ServiceRole,
} from './config/config.ts';
export { loadConfig, type ConfigInput, type LoadedConfig } from './config/load.ts';
export { sampleYaml } from './config/sample.ts';
export { createLog } from './observe/logs.ts';
export { serve, type RunningService, type ServeDeps } from './serve.ts';
