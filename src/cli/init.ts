/** `ringfence init` */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { helpText, type Register } from './command.js';
import { CommandError, EXIT } from './exit.js';

/** The scenario that `ringfence init` writes. It runs as it stands, in a few seconds. */
export const FIRST_SCENARIO = `# A scenario of Ringfence. What else may be written: ringfence schema
title: My first sweep
description: How the page size of the EPT changes what a pointer chase costs.

host:
  pcpus: 2 #               physical CPUs of the emulated host
  seed: 1 #                decides what hardware leaves open; same seed, same result

limits:
  time: 10s #              virtual time at which the host stops
  cell-time: 5min #        real time after which a cell is given up

# Settings that domains take over with \`use:\`; what a domain says itself wins.
templates:
  small:
    memory: 16MiB
    expect: { outcome: poweroff, checksum: native } # as the same C prints natively

domains:
  chase: { use: small, guest: pchase, cmdline: kb=8192 }
  neighbour: { use: small, guest: sieve, cmdline: n=100000 }

# Every combination of these values is a cell: a run of its own. Also: zip, list, random.
sweep:
  grid:
    domains.chase.translation.page: { as: page, values: [4k, 2m] }
    host.pcpus: [1, 2]

repeat: 2 #                every combination with so many seeds

# Claims about the results of every cell; one that fails makes the exit code 1.
expect:
  - claim: the neighbour never notices
    that: domains.neighbour.retired < 30M and domains.neighbour.outcome == 'poweroff'
  - claim: a leaf of 4 KB is found with four references to the EPT
    when: param('page') == '4k'
    that: domains.chase.walk_ept == 4 * domains.chase.tlb_misses
  - claim: a leaf of 2 MB is found with three
    when: param('page') == '2m'
    that: domains.chase.walk_ept == 3 * domains.chase.tlb_misses
`;

export const registerInit: Register = (program, io, done) => {
  program
    .command('init')
    .description('write a first scenario with comments, to be changed')
    .argument('[file]', 'the file', 'scenario.yaml')
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      helpText(['ringfence init mine.yaml && ringfence run mine.yaml'], {
        0: 'written',
        2: 'the file exists, or the arguments are wrong',
      }),
    )
    .action((file: string, { force }: { readonly force?: boolean }) => {
      if (existsSync(file) && force !== true) {
        throw new CommandError(EXIT.usage, `${file} exists; allowed: a new file, or --force`);
      }
      try {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, FIRST_SCENARIO);
      } catch (error) {
        throw new CommandError(EXIT.usage, `${file} cannot be written: ${(error as Error).message}`);
      }
      io.out.write(`${file} written; next: ringfence run ${file}\n`);
      done(EXIT.ok);
    });
};
