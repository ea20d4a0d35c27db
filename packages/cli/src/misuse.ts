// What the user is told about a command line that is not valid.

import type { Command, CommanderError } from 'commander';

/** The command that the arguments name, with the names before it: `task-center tasks delete`. */
function commandOf(program: Command, args: readonly string[]): { command: Command; path: string } {
  let [command, path] = [program, program.name()];
  for (const arg of args) {
    const named = command.commands.find((each) => each.name() === arg);
    if (named === undefined) break;
    command = named;
    path += ` ${arg}`;
  }
  return { command, path };
}

/**
 * What to do about an option that does not exist. It may be meant as an operand, such as an ID that begins with a dash: after `--`
 * everything is one. No command has the option `-h`: it would print the help with exit code 0, and a script would believe that
 * the work was done.
 */
export function adviceFor(error: CommanderError, program: Command, args: readonly string[]): string | null {
  const [, given] = /unknown option '([^']*)'/.exec(error.message) ?? [];
  if (error.code !== 'commander.unknownOption' || given === undefined) return null;
  const { command, path } = commandOf(program, args);
  const help = `${path} --help lists the options.`;
  const [operand] = command.registeredArguments;
  if (operand === undefined) return help;
  return `If it is the ${operand.name()}, write -- before it: ${path} -- ${given}\n${help}`;
}
