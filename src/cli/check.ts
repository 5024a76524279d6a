/** `ringfence check` */
import { checkScenario, formatQuantity, MEMORY, planOf, ScenarioError } from '../index.js';
import { helpText, type Register, setOption } from './command.js';
import { EXIT } from './exit.js';
import type { Io } from './io.js';

export interface CheckArguments {
  readonly json?: boolean;
  readonly set: readonly string[];
}

/** Runs nothing and writes nothing but its answer. @returns the exit code */
export async function checkCommand(file: string, args: CheckArguments, io: Io): Promise<number> {
  try {
    const machine = await io.machine();
    const plan = checkScenario(file, { sets: args.set, guests: io.guests, machine });
    if (plan.isBatch) planOf(plan, machine); // tells cells that are the same
    const { scenario } = plan.points[0]!;
    if (args.json === true) {
      io.out.write(`${JSON.stringify({ ok: true, problems: [], cells: plan.points.length, scenario }, null, 2)}\n`);
      return EXIT.ok;
    }
    const { domains, host } = scenario;
    const bytes = domains.reduce((sum, domain) => sum + domain.memoryBytes, 0);
    const count = `${domains.length} ${domains.length === 1 ? 'domain' : 'domains'}`;
    const what = `${count}, ${formatQuantity(MEMORY, bytes)}, ${host.pcpus} physical ${host.pcpus === 1 ? 'CPU' : 'CPUs'}`;
    const cells = plan.isBatch
      ? `${plan.points.length} ${plan.points.length === 1 ? 'cell' : 'cells'}; the first: `
      : '';
    io.out.write(`${file}: ok: ${cells}${what}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ScenarioError) || args.json !== true) throw error;
    io.out.write(`${JSON.stringify({ ok: false, problems: error.problems }, null, 2)}\n`);
    return EXIT.usage;
  }
}

export const registerCheck: Register = (program, io, done) => {
  program
    .command('check')
    .description('say whether a scenario is right, or everything that is wrong with it; run nothing')
    .argument('<scenario.yaml>', 'the scenario')
    .option('--json', 'print {ok, problems, cells, scenario} as JSON')
    .addOption(setOption())
    .addHelpText(
      'after',
      helpText(['ringfence check mine.yaml', 'ringfence check mine.yaml --set host.pcpus=2 --json'], {
        0: 'the scenario is right',
        2: 'it is not, or the arguments are wrong',
        3: 'a file that comes with Ringfence is damaged',
      }),
    )
    .action(async (file: string, args: CheckArguments) => done(await checkCommand(file, args, io)));
};
