import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Workspace } from './console.js';
import { fakeMachine, hostError } from './fake-machine.js';

const at = new Workspace();
afterAll(() => at.remove());

const scenario = at.write(
  'good.yaml',
  'title: Good\ndomains:\n  - {guest: good, count: 3, expect: {outcome: poweroff}}\n',
);
const out = (name: string): string[] => ['--out', at.path(name)];

describe('ringfence run', () => {
  it('prints a table, writes results and consoles, and exits 0', async () => {
    const { code, out: text, err } = await at.run(['run', scenario, ...out('first')]);
    expect(err).toBe('');
    expect(code).toBe(0);
    const results = JSON.parse(readFileSync(at.path('first/results.json'), 'utf8'));
    expect(text).toContain(results.fingerprint);
    expect(text).toMatch(/^Good\n/);
    expect(text).toMatch(/^good-0 +poweroff +1,234,567 +2,345,678 +2 +30 +420 +600 +ok$/m);
    expect(text).toMatch(/^total +3,703,704 +7,037,034 +6 +90 +1,260 +617$/m);
    expect(text).toContain('3 of 3 domains ok');
    expect(text).not.toContain('\u001b');
    expect(readdirSync(at.path('first/console')).sort()).toEqual(['good-0.log', 'good-1.log', 'good-2.log']);
    expect(readFileSync(at.path('first/console/good-1.log'), 'latin1')).toBe('@good-1\n=0badcafe\n');
    expect(Object.keys(results)[0]).toBe('fingerprint');
    expect(results.deterministic.domains).toHaveLength(3);
    expect(results.deterministic.domains[0]).not.toHaveProperty('console');
    expect(JSON.stringify(results.deterministic)).not.toContain(at.folder); // where the files lie decides nothing
    expect(results.wallClock.workers).toBe(2);
    expect(results.versions).toEqual({ ringfence: '0.0.0-test' });
  });

  it('prints one JSON object with --json', async () => {
    const { code, out: text } = await at.run(['run', scenario, '--json', ...out('json')]);
    expect(code).toBe(0);
    const printed = JSON.parse(text);
    expect(Object.keys(printed)[0]).toBe('fingerprint');
    expect(printed).toEqual(JSON.parse(readFileSync(at.path('json/results.json'), 'utf8')));
  });

  it('gives the same fingerprint for any number of workers and any title, another for another seed', async () => {
    const fingerprint = async (...args: string[]): Promise<string> =>
      JSON.parse((await at.run(['run', scenario, '--json', ...out('print'), ...args])).out).fingerprint;
    const first = await fingerprint();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint('--workers', '7')).toBe(first);
    expect(await fingerprint('--set', 'host.workers=3', '--set', 'title=x')).toBe(first);
    expect(await fingerprint('--set', 'host.seed=2')).not.toBe(first);
    expect(await fingerprint('--set', 'host.quantum=2ms')).not.toBe(first);
  });

  it('exits 1 when a claim fails, and says which; the results are written', async () => {
    const path = at.write(
      'claims.yaml',
      'domains:\n  a: {guest: good, expect: {checksum: native}}\n  b: {guest: good, expect: {outcome: crash, checksum: ffffffff}}\n',
    );
    const {
      code,
      err,
      out: text,
    } = await at.run(['run', path, ...out('claims')], {
      machine: fakeMachine({ console: () => '@good\n=0badcafe\n' }),
    });
    expect(code).toBe(1);
    expect(err.split('\n')).toEqual([
      "claim failed: domain 'b': outcome: expected crash, found poweroff",
      "claim failed: domain 'b': checksum: expected ffffffff, found good=0badcafe",
      '',
    ]);
    expect(text).toMatch(/^a .* ok$/m);
    expect(text).toMatch(/^b .* FAILED$/m);
    expect(text).toContain('1 of 2 domains failed');
    expect(JSON.parse(readFileSync(at.path('claims/results.json'), 'utf8')).passed).toBe(false);
  });

  it('compares all native checksums, in order, and none missing', async () => {
    const path = at.write('native.yaml', 'domains:\n  a: {guest: good, expect: {checksum: native}}\n');
    for (const console of [
      '',
      '@good\n=0badcaff\n',
      '@good\n=0badcafe\n@good\n=0badcafe\n',
      '@other\n=0badcafe\n',
      '=0badcafe\n',
    ]) {
      const { code, err } = await at.run(['run', path, ...out('native')], {
        machine: fakeMachine({ console: () => console }),
      });
      expect([console, code]).toEqual([console, 1]);
      expect(err).toContain("claim failed: domain 'a': checksum: expected good=0badcafe, found");
    }
  });

  it('takes a hostile end for a result: with reason and address', async () => {
    const path = at.write(
      'hostile.yaml',
      'domains:\n  - guest: triple\n  - {guest: crash, expect: {outcome: crash}}\n',
    );
    const { code, out: text } = await at.run(['run', path, ...out('hostile')]);
    expect(code).toBe(0);
    expect(text).toMatch(/^triple +triple fault \(vector 14\) at 0x00100123 .* -$/m);
    expect(text).toMatch(/^crash +crash at 0x00100123 .* ok$/m);
  });

  it('exits 3 for what the platform cannot do or breaks at', async () => {
    const failed = await at.run(['run', scenario, ...out('three')], {
      machine: fakeMachine({ fail: hostError('no room', 1) }),
    });
    expect(failed).toEqual({ code: 3, out: '', err: "ringfence: domain 'good-1': no room\n" });
    expect(existsSync(at.path('three'))).toBe(false);
    const path = at.write('broken.yaml', 'domains: [{guest: broken}]\n');
    expect((await at.run(['run', path, ...out('three')])).code).toBe(3);
    const leaking = await at.run(['run', scenario, ...out('three')], { machine: fakeMachine({ zeroSum: false }) });
    expect(leaking.code).toBe(3);
    expect(leaking.err).toContain('was not given back');
  });

  it('exits 70 for its own faults, and shows the stack only when asked', async () => {
    const machine = fakeMachine({ fail: new Error('a bug') });
    const { code, err } = await at.run(['run', scenario, ...out('seventy')], { machine });
    expect([code, err]).toEqual([70, 'ringfence: internal error: a bug (RINGFENCE_DEBUG=1 shows where)\n']);
    expect(
      (await at.run(['run', scenario, ...out('seventy')], { machine, env: { RINGFENCE_DEBUG: '1' } })).err,
    ).toMatch(/\n +at /);
    expect(existsSync(at.path('seventy'))).toBe(false);
  });

  it('refuses, before it runs, a folder that is not its own', async () => {
    at.write('mine/thesis.txt', 'x');
    at.write('file', 'x');
    at.write('half/console/x.log', 'x');
    for (const [name, why] of [
      ['mine', "holds 'thesis.txt', which is not a result of Ringfence"],
      ['file', 'is not a folder'],
      ['file/below', 'is not a folder'],
      ['half', 'has no results.json'],
    ] as const) {
      const machine = fakeMachine();
      const { code, err, out: text } = await at.run(['run', scenario, ...out(name)], { machine });
      expect([name, code, machine.runs(), text]).toEqual([name, 2, 0, '']);
      expect(err).toContain(why);
      expect(err).toContain('allowed: a new, an empty or an older results folder');
    }
    expect(readFileSync(at.path('mine/thesis.txt'), 'utf8')).toBe('x');
  });

  it('replaces older results whole, and leaves nothing else behind', async () => {
    mkdirSync(at.path('again/deep'), { recursive: true });
    await at.run(['run', scenario, ...out('again/deep')]);
    await at.run(['run', scenario, '--set', 'domains.good.count=1', ...out('again/deep')]);
    expect(readdirSync(at.path('again'))).toEqual(['deep']);
    expect(readdirSync(at.path('again/deep')).sort()).toEqual(['console', 'results.json']);
    expect(readdirSync(at.path('again/deep/console'))).toEqual(['good-0.log']);
  });

  it('stops at an abort without results: 130 and 143', async () => {
    for (const code of [130, 143]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(code), 50);
      const spoken = await at.run(['run', scenario, ...out('aborted')], {
        machine: fakeMachine({ runMs: 5000 }),
        signal: controller.signal,
      });
      expect(spoken).toEqual({ code, out: '', err: 'ringfence: interrupted; no results were written\n' });
      expect(existsSync(at.path('aborted'))).toBe(false);
    }
  });

  it('shows progress on a terminal after a second, and clears it', async () => {
    const { err, out: text } = await at.run(['run', scenario, ...out('slow')], {
      machine: fakeMachine({ runMs: 1400 }),
      terminal: true,
    });
    expect(err).toMatch(/[0-9.]+ s of virtual time · 0 of 3 domains done · \d+ MIPS/);
    expect(err.startsWith('\r\u001b[2K') && err.endsWith('\r\u001b[2K')).toBe(true);
    expect(text).toContain('\u001b[1m');
    const quiet = await at.run(['run', scenario, ...out('slow')], { machine: fakeMachine({ runMs: 1400 }) });
    expect(quiet.err).toBe('');
    const plain = await at.run(['run', scenario, ...out('slow')], { terminal: true, env: { NO_COLOR: '1' } });
    expect(plain.out + plain.err).not.toContain('\u001b');
  });
});

describe('ringfence check', () => {
  it('says ok, and runs and writes nothing', async () => {
    const machine = fakeMachine();
    const spoken = await at.run(['check', scenario], { machine });
    expect(spoken).toEqual({ code: 0, out: `${scenario}: ok: 3 domains, 48MiB, 4 physical CPUs\n`, err: '' });
    expect(machine.runs()).toBe(0);
  });

  it('lists every problem on stderr, or as JSON', async () => {
    const path = at.write('wrong.yaml', 'titel: x\nhost: {pcpus: 0}\ndomains: [{guest: godo}]\n');
    const { code, out: text, err } = await at.run(['check', path]);
    expect([code, text]).toEqual([2, '']);
    expect(err.trimEnd().split('\n')).toHaveLength(3);
    const json = await at.run(['check', path, '--json', '--set', 'host.seed=-1']);
    expect([json.code, json.err]).toEqual([2, '']);
    expect(
      JSON.parse(json.out).problems.map((problem: { line: number; set?: string }) => [problem.line, problem.set]),
    ).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [0, 'host.seed=-1'],
    ]);
    expect(JSON.parse((await at.run(['check', scenario, '--json'])).out)).toMatchObject({ ok: true, problems: [] });
  });

  it('looks into images', async () => {
    at.write('junk.elf', '\0\0');
    const path = at.write('junk.yaml', 'domains: [{guest: junk.elf}]\n');
    const { code, err } = await at.run(['check', path]);
    expect([code, err]).toEqual([
      2,
      `${path}:1:19: domains.0.guest: 'junk.elf': is not an ELF image; allowed: an ELF32 i386 Multiboot image that fits the memory\n`,
    ]);
  });

  it.each([
    ['nowhere.yaml', /nowhere\.yaml: no such file; allowed: the path of a scenario file/],
    ['.', /is a folder; allowed/],
  ])('says that %s is no scenario', async (name, message) => {
    const { code, err } = await at.run(['check', at.path(name)]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

describe('the arguments', () => {
  it.each([
    [['run']],
    [['run', scenario, '--workers', '0']],
    [['run', scenario, '--workers', 'many']],
    [['run', scenario, '--worker', '2']],
    [['run', scenario, 'another.yaml']],
    [['walk', scenario]],
    [['--set']],
    [[]],
  ])('%j are wrong: exit 2, told on stderr', async (argv) => {
    const machine = fakeMachine();
    const { code, out: text, err } = await at.run(argv, { machine });
    expect([code, text, machine.runs()]).toEqual([2, '', 0]);
    expect(err).not.toBe('');
    expect(err).not.toMatch(/^ +at /m);
  });

  it('--version and --help go to stdout', async () => {
    expect(await at.run(['--version'])).toEqual({ code: 0, out: '0.0.0-test\n', err: '' });
    const help = await at.run(['--help']);
    expect(help.code).toBe(0);
    for (const word of ['run', 'check', 'Examples:', '--set', 'Exit codes:', '130']) expect(help.out).toContain(word);
    expect((await at.run(['run', '--help'])).out).toContain('--workers <n>');
  });
});
