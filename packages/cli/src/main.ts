// The program's entry: `serve` runs in a child that this process supervises, every other command in this process.

const args = process.argv.slice(2);

// The supervisor stays in memory for as long as the service runs. It therefore loads no command and no package.
if (args[0] === 'serve') {
  const { supervise } = await import('./supervise/supervise.ts');
  await supervise(args);
} else {
  const { runCommand } = await import('./process-io.ts');
  await runCommand();
}
