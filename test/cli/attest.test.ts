/** Quotes of launches in results, and `attest`, with the real machine: a changed guest changes the quote, and what was forged is refused. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { machine } from '../../src/experiment/machine.js';
import { type Attestation, attest, attestationKey } from '../../src/security/attestation.js';
import { Workspace } from './console.js';

const at = new Workspace();
afterAll(() => at.remove());
const real = { guests: resolve('guests'), machine: machine() };
const guest = at.path('vault.elf');
const scenario = (change = ''): string => `host: { pcpus: 1, seed: 7 }
domains:
  vault: { guest: vault.elf, cmdline: n=1000, protection: ctr+mac, max-instructions: 20k${change} }
  open: { guest: hello }
`;

interface Document {
  fingerprint: string;
  attestation?: Attestation;
  deterministic: { seed: number; domains: { retired: number; imageSha256: string }[] };
}
interface Batch {
  attestations: unknown[];
  deterministic: { cell: { index: number }; deterministic: { domains: { retired: number }[] } }[];
}
const read = (folder: string): Document => JSON.parse(readFileSync(`${folder}/results.json`, 'utf8'));

/** Runs the scenario's text. Returns the folder of its results. */
async function run(name: string, text = scenario()): Promise<{ file: string; folder: string }> {
  const file = at.write(`${name}.yaml`, text);
  const folder = at.path(name);
  expect((await at.run(['run', file, '--out', folder, '--workers', '1'], real)).err).toBe('');
  return { file, folder };
}

const judge = async (...args: string[]) => {
  const { code, out, err } = await at.run(['attest', ...args], real);
  return [code, out + err] as const;
};

/** The same results, changed, in a folder of their own. */
function forged(folder: string, change: (document: Document) => void): string {
  const document = read(folder);
  change(document);
  at.write('forged/results.json', JSON.stringify(document));
  return at.path('forged');
}

describe('the quote of a run', () => {
  copyFileSync('guests/images/sieve.elf', guest);

  it('is the same for the same run, tells what was launched, and is accepted for just these results', async () => {
    const { file, folder } = await run('first');
    const { attestation } = read(folder);
    expect(attestation?.log.map(({ pcr, event }) => [pcr, event])).toEqual([
      [0, 'core'],
      [17, 'policy'],
      [8, 'vault'],
      [8, 'vault: command line'],
    ]);
    expect(attestation?.log[2]?.digest).toBe(read(folder).deterministic.domains[0]!.imageSha256);
    expect(read((await run('second')).folder).attestation).toEqual(attestation);
    expect(await judge(folder)).toEqual([0, expect.stringMatching(/^accepted: .*\nlaunched:\n/)]);
    expect(await judge(folder, '--scenario', file)).toEqual([0, expect.stringContaining(`what ${file} launches`)]);
    expect(await judge(folder, '--key', attestation!.key)).toEqual([0, expect.stringContaining('accepted')]);
    const { out } = await at.run(['attest', folder, '--json'], real);
    expect(JSON.parse(out)).toMatchObject({
      verdict: { ok: true },
      attestation,
      fingerprint: read(folder).fingerprint,
    });
  });

  it('changes with every byte of the guest, its command line and the policy', async () => {
    const { file, folder } = await run('good');
    const before = read(folder).attestation!;
    const image = readFileSync(guest);
    image[image.length - 1]! ^= 1; // padding at the end, which the guest never sees
    writeFileSync(guest, image);
    const { folder: changed } = await run('changed');
    expect(read(changed).attestation!.attest).not.toBe(before.attest);
    expect(await judge(changed)).toEqual([0, expect.any(String)]);
    expect(await judge(folder, '--scenario', file)).toEqual([
      1,
      expect.stringMatching(/refused: launch: 'vault' is not/),
    ]);
    copyFileSync('guests/images/sieve.elf', guest);
    expect(await judge(changed, '--scenario', file)).toEqual([1, expect.stringContaining("launch: 'vault' is not")]);
    expect(await judge(folder, '--scenario', file, '--set', 'domains.vault.cmdline=n=1001')).toEqual([
      1,
      expect.stringContaining("launch: 'vault: command line'"),
    ]);
    for (const set of ['host.smm.deny=fault', 'host.scrub=false']) {
      expect(await judge(folder, '--scenario', file, '--set', set)).toEqual([1, expect.stringContaining("'policy'")]);
    }
    // Who encrypts, and how many threads there are, is no policy.
    expect(await judge(folder, '--scenario', file, '--set', 'host.smm.backend=host')).toEqual([0, expect.any(String)]);
  });

  it('that was forged is refused', async () => {
    const { folder } = await run('honest');
    const { folder: other } = await run('other', scenario(', weight: 300'));
    const cases: readonly (readonly [problem: string, change: (document: Document) => void])[] = [
      // The results are not those that were quoted.
      ['nonce', (document) => document.deterministic.domains[0]!.retired++],
      ['nonce', (document) => Object.assign(document, { attestation: read(other).attestation })],
      // The log tells another story.
      ['pcr', ({ attestation }) => Object.assign(attestation!.log[2]!, { digest: '00'.repeat(32) })],
      ['pcr', ({ attestation }) => void (attestation!.log as unknown[]).pop()],
      ['malformed', ({ attestation }) => Object.assign(attestation!.log[2]!, { pcr: 99 })],
      ['malformed', ({ attestation }) => Object.assign(attestation!.log[2]!, { digest: 'xyz' })],
      // The quote, or its signature, was changed.
      ...[20, 60, 82, -1].map(
        (byte) => ['signature', ({ attestation }: Document) => flip(attestation!, 'attest', byte)] as const,
      ),
      ...[10, 40].map(
        (byte) => ['signature', ({ attestation }: Document) => flip(attestation!, 'signature', byte)] as const,
      ),
      ['malformed', ({ attestation }) => flip(attestation!, 'signature', 0)],
      // Another TPM signed, properly: for just these results, and what was launched.
      [
        'key',
        (document) => {
          const guests = [{ name: 'vault', image: readFileSync(guest), cmdline: 'n=1000' }];
          const challenge = Buffer.from(document.fingerprint, 'hex');
          document.attestation = attest('mine', { core: Buffer.from('x'), policy: '', guests }, challenge, 1);
        },
      ],
    ];
    for (const [problem, change] of cases) {
      expect(await judge(forged(folder, change))).toEqual([1, expect.stringMatching(`^refused: ${problem}: `)]);
    }
    expect(await judge(folder, '--key', attestationKey('8'))).toEqual([1, expect.stringContaining('refused: key')]);
  });

  it('is there for every protected cell of a sweep, about what is recorded of it, through shards too', async () => {
    const file = at.write(
      'sweep.yaml',
      `${scenario()}sweep: { grid: { domains.vault.protection: [none, xts, ctr+mac] } }\n`,
    );
    const folder = at.path('sweep');
    const shards = [1, 2].map((index) => at.path(`shard-${index}`));
    await at.run(['run', file, '--out', folder, '--workers', '1'], real);
    for (const [index, out] of shards.entries())
      await at.run(['run', file, '--out', out, '--shard', `${index + 1}/2`], real);
    const merged = at.path('merged');
    expect((await at.run(['merge', ...shards, '--out', merged], real)).code).toBe(0);
    const batch = JSON.parse(readFileSync(`${folder}/results.json`, 'utf8'));
    expect(batch.attestations.map((quote: unknown) => quote !== null)).toEqual([false, true, true]);
    expect(JSON.parse(readFileSync(`${merged}/results.json`, 'utf8')).attestations).toEqual(batch.attestations);
    const good = 'accepted: quotes of 2 of 2 cells; of 1 others none is due\n';
    expect(await judge(folder)).toEqual([0, good]);
    expect(await judge(merged, '--scenario', file)).toEqual([
      0,
      expect.stringContaining(`launched what ${file} launches`),
    ]);
    expect(await judge(folder, '--cell', '2')).toEqual([0, expect.stringContaining('1 of 1')]);
    expect(await judge(folder, '--cell', '3')).toEqual([2, expect.stringContaining('no cell 3')]);
    expect(await judge(folder, '--cell', '0')).toEqual([2, expect.stringContaining('no domain was protected')]);
    const other = await judge(folder, '--scenario', file, '--set', 'domains.vault.cmdline=n=2000');
    expect(other).toEqual([1, expect.stringMatching(/cell 1: launch: 'vault: command line'.*\n.*cell 2: launch/)]);
    const forge = async (change: (batch: Batch) => unknown): Promise<readonly [number, string]> => {
      const changed = structuredClone(batch) as Batch;
      change(changed);
      at.write('forged-batch/results.json', JSON.stringify(changed));
      return await judge(at.path('forged-batch'));
    };
    const refused = (cell: number, problem: string) => [
      1,
      expect.stringMatching(`^refused: cell ${cell}: ${problem}: `),
    ];
    // Results of a cell, its place, a quote of another cell, a quote that is gone.
    expect(await forge((b) => void b.deterministic[1]!.deterministic.domains[0]!.retired++)).toEqual(
      refused(1, 'nonce'),
    );
    expect(await forge((b) => Object.assign(b.deterministic[2]!.cell, { index: 7 }))).toEqual(refused(7, 'nonce'));
    expect(await forge(({ attestations }) => attestations.splice(2, 1, attestations[1]))).toEqual(refused(2, 'nonce'));
    expect(await forge(({ attestations }) => attestations.splice(1, 1, null))).toEqual(refused(1, 'missing'));
    expect(await forge((b) => void delete (b as { attestations?: unknown }).attestations)).toEqual(
      refused(1, 'missing'),
    );
  });

  it('is not there without protected domains; wrong arguments are told with exit code 2', async () => {
    const { file, folder } = await run('plain', 'domains: { a: { guest: hello } }\n');
    expect(read(folder).attestation).toBeUndefined();
    expect(await judge(folder)).toEqual([2, expect.stringContaining('no domain was protected')]);
    const { folder: good } = await run('vault');
    expect(await judge(good, '--scenario', file)).toEqual([2, expect.stringContaining('no domain is protected')]);
    expect(await judge(good, '--cell', '1')).toEqual([2, expect.stringContaining('need --scenario')]);
    expect(await judge(good, '--key', 'abc')).toEqual([2, expect.stringContaining('hexadecimal')]);
    expect(await judge(at.path('nowhere'))).toEqual([2, expect.stringContaining('results.json')]);
    at.write('list/results.json', '[1]');
    expect(await judge(at.path('list'))).toEqual([2, expect.stringContaining('no results of one run')]);
  });
});

function flip(attestation: Attestation, member: 'attest' | 'signature', byte: number): void {
  const bytes = Buffer.from(attestation[member], 'hex');
  bytes[(byte + bytes.length) % bytes.length]! ^= 1;
  Object.assign(attestation, { [member]: bytes.toString('hex') });
}
