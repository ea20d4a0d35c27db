const args = process.argv.slice(2);

// A parent lives as long as its service does: it loads nothing else.
if (args[0] === 'serve') {
  const { supervise } = await import('./supervise/supervise.ts');
  process.exit(await supervise(args));
} else {
  const { runHere } = await import('./here.ts');
  await runHere();
}
