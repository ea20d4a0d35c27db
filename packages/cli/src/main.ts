// The program's entry: `serve` runs in a child that this process supervises, every other command in this process.

import { commandLineFault } from './input.ts';

const { argv, env } = process;
const args = argv.slice(2);
const fault = commandLineFault(args, env);

// The supervisor stays in memory for as long as the service runs. It therefore loads no command, and of
// the packages one file.
// It passes texts on to its child, which could not tell any more what their bytes were.
if (fault !== null) {
  process.stderr.write(`task-center: ${fault}. Write it in UTF-8, or run the command in a UTF-8 locale.\n`);
  process.exitCode = 2;
} else if (args[0] === 'serve' && !args.includes('--help')) {
  const { supervise } = await import('./supervise/supervise.ts');
  await supervise(args);
} else {
  const { runCommand } = await import('./process-io.ts');
  await runCommand();
}
