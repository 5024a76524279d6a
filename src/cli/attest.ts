/** `ringfence attest` */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AttestError,
  type AttestedBatch,
  attestBatch,
  attestResults,
  type BatchResults,
  checkScenario,
  type DraftPlan,
  expectedLaunch,
  type Machine,
  oneLine,
} from '../index.js';
import { openBatch } from './batch.js';
import { helpText, type Register, setOption, wholeNumber } from './command.js';
import { CommandError, EXIT } from './exit.js';
import type { Io } from './io.js';

export interface AttestArguments {
  readonly json?: boolean;
  readonly scenario?: string;
  readonly set: readonly string[];
  readonly cell?: number;
  readonly key?: string;
}

/** @returns the exit code */
export async function attestCommand(folder: string, args: AttestArguments, io: Io): Promise<number> {
  const results = readResults(folder);
  const isBatch = typeof results === 'object' && results !== null && 'format' in results;
  const { scenario, set: sets, cell = 0, key } = args;
  if (scenario === undefined && (sets.length > 0 || (args.cell !== undefined && !isBatch))) {
    throw new CommandError(EXIT.usage, '--set and --cell need --scenario: what ought to have been launched');
  }
  if (key !== undefined && !/^([0-9a-f]{2})+$/.test(key)) {
    throw new CommandError(EXIT.usage, '--key: not a key; allowed: what `attest --json` shows as key, in hexadecimal');
  }
  const machine = await io.machine();
  const plan = scenario === undefined ? undefined : checkScenario(scenario, { sets, guests: io.guests, machine });
  try {
    if (isBatch) return attestBatchCommand(openBatch(folder), plan, args, machine, io);
    const expected = plan === undefined ? undefined : expectedLaunch(plan, { cell, machine });
    if (plan !== undefined && expected === undefined) {
      throw new CommandError(EXIT.usage, `${scenario}: no domain is protected, so nothing would be quoted`);
    }
    const run = attestResults(results, {
      ...(key !== undefined && { key }),
      ...(expected !== undefined && { expected }),
    });
    io.out.write(args.json === true ? `${JSON.stringify(run, null, 2)}\n` : render(run, scenario));
    return run.verdict.ok ? EXIT.ok : EXIT.claimFailed;
  } catch (error) {
    if (error instanceof AttestError) throw new CommandError(EXIT.usage, `${folder}: ${error.message}`);
    throw error;
  }
}

function attestBatchCommand(
  batch: BatchResults,
  plan: DraftPlan | undefined,
  { cell, key, scenario, json }: AttestArguments,
  machine: Machine,
  io: Io,
): number {
  if (cell !== undefined && !batch.deterministic.some((each) => each.cell.index === cell)) {
    throw new CommandError(EXIT.usage, `there is no cell ${cell} in the batch`);
  }
  const { ok, cells } = attestBatch(batch, {
    ...(key !== undefined && { key }),
    ...(cell !== undefined && { cell }),
    ...(plan !== undefined && {
      expected: (index) => plan.points[index] && expectedLaunch(plan, { cell: index, machine }),
    }),
  });
  if (json === true) io.out.write(`${JSON.stringify({ ok, cells }, null, 2)}\n`);
  else io.out.write(renderBatch(batch, cells, scenario));
  return ok ? EXIT.ok : EXIT.claimFailed;
}

function renderBatch(batch: BatchResults, cells: AttestedBatch['cells'], scenario?: string): string {
  const refused = cells.flatMap(({ cell, verdict }) =>
    verdict.ok ? [] : [`refused: cell ${cell}: ${verdict.problem}: ${oneLine(verdict.detail)}\n`],
  );
  const held = scenario === undefined ? '' : `, launched what ${scenario} launches`;
  const others = batch.deterministic.length - cells.length;
  const rest = others === 0 ? '' : `; of ${others} others none is due`;
  return `${refused.join('')}accepted: quotes of ${cells.length - refused.length} of ${cells.length} cells${held}${rest}\n`;
}

function render({ verdict, attestation, fingerprint }: ReturnType<typeof attestResults>, scenario?: string): string {
  if (!verdict.ok) return `refused: ${verdict.problem}: ${oneLine(verdict.detail)}\n`;
  const rows = attestation.log.map(
    ({ pcr, event, digest }) => `  PCR ${String(pcr).padEnd(2)}  ${digest}  ${oneLine(event)}\n`,
  );
  const held = scenario === undefined ? '' : `, which is what ${scenario} launches`;
  return (
    `accepted: quoted after ${verdict.clockMs} ms for results ${fingerprint.slice(0, 16)}…\n` +
    `launched${held}:\n${rows.join('')}`
  );
}

function readResults(folder: string): unknown {
  const file = join(folder, 'results.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CommandError(EXIT.usage, `${file}: ${oneLine((error as Error).message)}; allowed: the folder of a run`);
  }
}

export const registerAttest: Register = (program, io, done) => {
  program
    .command('attest')
    .description(
      "judge a run's quote, or those of a sweep's cells: whether the TPM signed it for just these results, and whether what was " +
        'launched is what a scenario launches',
    )
    .argument('<dir>', 'folder of a run or a batch with protected domains')
    .option('--scenario <file>', 'what ought to have been launched, with its guests and the machine as they are now')
    .addOption(setOption())
    .option('--cell <n>', 'the cell of its sweep; of a batch: only this one', wholeNumber(0, 1e6))
    .option('--key <hex>', "attestation key to trust (default: that of the results' seed)")
    .option('--json', 'print verdict, attestation and fingerprint as JSON')
    .addHelpText(
      'after',
      helpText(
        [
          'ringfence run vault.yaml --out results/vault && ringfence attest results/vault',
          'ringfence attest results/vault --scenario vault.yaml',
        ],
        { 0: 'the quote is good', 1: 'it is refused', 2: 'the folder, the scenario or the arguments are wrong' },
      ),
    )
    .action(async (folder: string, args: AttestArguments) => done(await attestCommand(folder, args, io)));
};
