import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScenario } from '../../src/experiment/plan.js';
import { ScenarioError } from '../../src/experiment/problem.js';
import type { Scenario } from '../../src/experiment/scenario.js';
import { context } from './catalogue.js';

const load = (text: string, ...sets: string[]): Scenario =>
  parseScenario('s.yaml', text, sets, {
    ...context,
    hostBytes: (_, domains) => ({
      needed: domains.reduce((sum, domain) => sum + domain.memoryBytes, 0),
      limit: 4 * 1024 ** 3 - 64 * 1024 ** 2,
      guests: domains.reduce((sum, domain) => sum + domain.memoryBytes, 0),
    }),
  });

function problems(text: string, ...sets: string[]): string[] {
  try {
    load(text, ...sets);
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('a scenario', () => {
  it('of two lines is complete', () => {
    expect(load('domains:\n  - guest: sieve\n')).toEqual({
      name: 's',
      file: 's.yaml',
      title: 's',
      description: '',
      host: {
        ...{ pcpus: 4, frequencyHz: 1e9, quantumNs: 1e6, sliceNs: 1e6, clock: 'domain', domainSlots: 0, seed: 1 },
        ...{ scheduler: 'credit', boost: true, scrub: true },
      },
      limitNs: 10e9,
      domains: [
        {
          name: 'sieve',
          guest: 'sieve',
          path: '/guests/sieve.elf',
          memoryBytes: 16 * 1024 ** 2,
          cmdline: '',
          modules: [],
          translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
        },
      ],
    });
  });

  it('may say everything', () => {
    const scenario = load(`
title: All
description: of it
host: {pcpus: 2, frequency: 1.5GHz, quantum: 500us, slice: 2 ms, clock: pcpu, scheduler: round-robin, boost: false, seed: 0xffffffff, workers: 3}
limits: {time: 2min}
domains:
  a:
    guest: sieve
    memory: 8MiB
    cmdline: ""
    pcpu: 1
    weight: 512
    cap: 25
    translation: {kind: ept, page: 2m, accessed-dirty: false}
    input: "q\\n"
    max-instructions: 20M
    expect: {outcome: poweroff, checksum: native}
  b: {guest: hello, translation: {kind: direct}, expect: {checksum: 00123456}, cmdline: 100}
  c: {guest: spin, count: 3}
`);
    expect(scenario.host).toEqual({
      ...{
        pcpus: 2,
        frequencyHz: 1.5e9,
        quantumNs: 5e5,
        sliceNs: 2e6,
        clock: 'pcpu',
        scheduler: 'round-robin',
        boost: false,
        domainSlots: 0,
        scrub: true,
        seed: 0xffffffff,
        workers: 3,
      },
    });
    expect(scenario.limitNs).toBe(120e9);
    expect(scenario.domains.map((domain) => domain.name)).toEqual(['a', 'b', 'c-0', 'c-1', 'c-2']);
    expect(scenario.domains[0]).toMatchObject({
      ...{ memoryBytes: 8 << 20, pcpu: 1, weight: 512, cap: 25, input: 'q\n', maxInstructions: 20e6 },
      translation: { kind: 'ept', pageSize: '2m', accessedDirty: false },
      expect: { outcome: 'poweroff', checksum: { sieve: '0badcafe' } },
    });
    expect(scenario.domains[1]).toMatchObject({
      cmdline: '100',
      translation: { kind: 'direct' },
      expect: { checksum: '00123456' },
    });
  });

  it('may share parts through anchors, aliases and merge keys', () => {
    const text = 'domains:\n  a: &a {guest: sieve, memory: 4MiB}\n  b: *a\n  c: {<<: *a, memory: 8MiB}\n';
    expect(load(text).domains.map((domain) => domain.memoryBytes >> 20)).toEqual([4, 4, 8]);
    // One domain is set, the others keep what they had from the anchor.
    expect(load(text, 'domains.a.memory=2MiB').domains.map((domain) => domain.memoryBytes >> 20)).toEqual([2, 4, 8]);
    expect(load(text, 'domains.c.guest=hello').domains.map((domain) => domain.guest)).toEqual([
      'sieve',
      'sieve',
      'hello',
    ]);
    expect(problems('x: &x {guest: sieve}\ndomains:\n  a: {<<: *x, memory: 1}\n').length).toBe(2);
  });
});

/** Every kind of mistake: the text, and the lines that must be printed. */
const MISTAKES: Record<string, [text: string, expected: (string | RegExp)[]]> = {
  'an unknown key at the top': [
    'titel: x\ndomains:\n  - guest: sieve\n',
    [
      "s.yaml:1:1: unknown key 'titel', did you mean 'title'?; allowed: title, description, include, host, boot, limits, sweep, repeat, expect, across, security, report, templates, domains",
    ],
  ],
  'an unknown key of the host': [
    'host:\n  pcpus: 2\n  pcpu: 1\ndomains:\n  - guest: sieve\n',
    [/^s\.yaml:3:3: host: unknown key 'pcpu', did you mean 'pcpus'\?; allowed: pcpus, frequency, quantum, slice/],
  ],
  'an unknown key of a domain in a map': [
    'domains:\n  one:\n    guest: sieve\n    memry: 4MiB\n',
    [/^s\.yaml:4:5: domains\.one: unknown key 'memry', did you mean 'memory'\?; allowed: guest, use, memory, cmdline/],
  ],
  'an unknown key of a domain in a list': [
    'domains:\n  - guest: sieve\n    colour: red\n',
    [/^s\.yaml:3:5: domains\.0: unknown key 'colour'; allowed: name, guest, use, memory/],
  ],
  'an unknown key in flow style': [
    'domains: {a: {guest: sieve, expect: {outcom: limit}}}\n',
    ["s.yaml:1:38: domains.a.expect: unknown key 'outcom', did you mean 'outcome'?; allowed: outcome, checksum"],
  ],
  'wrong types': [
    'title: [a]\nhost:\n  pcpus: two\n  seed: 1.5\ndomains:\n  - guest: 5\n    memory: {}\n',
    [
      's.yaml:1:1: title: a list is not a text; allowed: a text of at most 200 characters',
      "s.yaml:3:10: host.pcpus: 'two' is not an integer; allowed: an integer, 1 to 64",
      's.yaml:4:9: host.seed: 1.5 is not an integer; allowed: an integer, 0 to 4294967295',
      /^s\.yaml:6:12: domains\.0\.guest: 5 is not a text; allowed: the name of a guest/,
      /^s\.yaml:7:5: domains\.0\.memory: a map is not a size; allowed: a size such as 4MiB, 512KiB or 1GiB, 2MiB to 2GiB in steps of 4KiB/,
    ],
  ],
  'a scalar for a map': [
    'host: 4\ndomains:\n  - guest: sieve\n',
    [/^s\.yaml:1:7: host: has the wrong type; allowed: a map of pcpus, frequency/],
  ],
  'domains of the wrong type': [
    'domains: 4\n',
    ['s.yaml:1:10: domains: has the wrong type; allowed: a map or a list of domains'],
  ],
  'no domains': ['title: x\n', ['s.yaml:1:1: domains: is missing; allowed: a map or a list of domains']],
  'empty domains': ['domains: []\n', ['s.yaml:1:1: domains: has no domain; allowed: at least one domain with a guest']],
  'an empty file': ['', ['s.yaml:1:1: domains: is missing; allowed: a map or a list of domains']],
  'a file that is a list': [
    '- a\n',
    [/^s\.yaml:1:1: has the wrong type; allowed: a map of title, description, include, host/],
  ],
  'a missing guest field': [
    'domains:\n  one:\n    memory: 4MiB\n',
    [/^s\.yaml:2:3: domains\.one\.guest: is missing; allowed: the name of a guest/],
  ],
  'a domain without anything': [
    'domains:\n  one:\n',
    [/^s\.yaml:2:\d+: domains\.one: has the wrong type; allowed: a map of guest/],
  ],
  'a guest that does not exist': [
    'domains:\n  - guest: seive\n',
    [
      "s.yaml:2:12: domains.0.guest: no guest 'seive', did you mean 'sieve'?; allowed: hello, quicksort, sieve, spin, or the path of an ELF file",
    ],
  ],
  'a file that does not exist': [
    'domains:\n  - guest: ./nowhere.elf\n',
    [
      "s.yaml:2:12: domains.0.guest: './nowhere.elf': no such file; allowed: a file of at most 256MiB, relative to the scenario",
    ],
  ],
  'a folder for a file': [
    'domains:\n  - {name: a, guest: /}\n',
    [/^s\.yaml:2:22: domains\.0\.guest: '\/': is not a file/],
  ],
  'absurd sizes': [
    'domains:\n  a: {guest: sieve, memory: 3GiB}\n  b: {guest: sieve, memory: 4095KiB}\n  c: {guest: sieve, memory: -1}\n  d: {guest: sieve, memory: 1e99}\n  e: {guest: sieve, memory: 4M}\n  f: {guest: sieve, memory: 1MiB}\n',
    [
      /^s\.yaml:2:29: domains\.a\.memory: '3GiB' is too large/,
      /^s\.yaml:3:29: domains\.b\.memory: '4095KiB' is not a multiple of 4KiB/,
      /^s\.yaml:4:29: domains\.c\.memory: -1 is not a size/,
      /^s\.yaml:5:29: domains\.d\.memory: 1e\+99 is not a size/,
      /^s\.yaml:6:29: domains\.e\.memory: '4M' is not a size/,
      /^s\.yaml:7:29: domains\.f\.memory: '1MiB' is too small/,
    ],
  ],
  'more memory than a host can have': [
    'domains:\n  a: {guest: sieve, memory: 1GiB, count: 4}\n',
    [
      's.yaml:1:1: domains: the host would need 4096 MiB with its tables; allowed: at most 4032 MiB in all: less memory or fewer domains',
    ],
  ],
  'too many domains': [
    'domains:\n  a: {guest: sieve, count: 4096}\n  b: {guest: sieve, count: 2}\n',
    ['s.yaml:3:28: domains.b.count: makes 4098 domains; allowed: at most 4096 in all'],
  ],
  'memory that does not fill its pages': [
    'domains:\n  a: {guest: sieve, memory: 5MiB, translation: {page: 2m}}\n',
    ['s.yaml:2:29: domains.a.memory: 5MiB does not fill EPT pages of 2m; allowed: a multiple of 2MiB'],
  ],
  'a page size without EPT': [
    'domains:\n  a: {guest: sieve, translation: {kind: direct, page: 2m}}\n',
    [/^s\.yaml:2:49: domains\.a\.translation\.page: has no meaning with kind: direct/],
  ],
  'duplicate names in a map': [
    'domains:\n  a: {guest: sieve}\n  a: {guest: hello}\n',
    ["s.yaml:3:3: 'a' appears twice; allowed: each key once in a map"],
  ],
  'duplicate names in a list': [
    'domains:\n  - {name: a, guest: sieve}\n  - {name: a, guest: hello}\n',
    ["s.yaml:3:12: domains.1.name: the name 'a' is used twice (first in line 2); allowed: each name once"],
  ],
  'duplicate default names': [
    'domains:\n  - guest: sieve\n  - guest: sieve\n',
    [
      "s.yaml:3:12: domains.1.guest: the name 'sieve' is used twice (first in line 2); allowed: a name for each, or a count",
    ],
  ],
  'a name that a count makes again': [
    'domains:\n  a-1: {guest: sieve}\n  a: {guest: sieve, count: 2}\n',
    ["s.yaml:3:3: domains.a: the name 'a-1' is used twice (first in line 2); allowed: each name once"],
  ],
  'a name that is not one': [
    'domains:\n  ../evil: {guest: sieve}\n  Web: {guest: sieve}\n',
    [
      /^s\.yaml:2:3: domains\.\.\.\/evil: '\.\.\/evil' cannot be a name; allowed: a name of at most 63/,
      /^s\.yaml:3:3: domains\.Web: 'Web' cannot be/,
    ],
  ],
  'a physical CPU that does not exist': [
    'host: {pcpus: 2}\ndomains:\n  a: {guest: sieve, pcpu: 2}\n',
    ['s.yaml:3:27: domains.a.pcpu: the host has no physical CPU 2; allowed: 0 to 1'],
  ],
  'times without sense': [
    'host: {quantum: 10, slice: 1h, frequency: fast}\nlimits: {time: 0s}\ndomains: [{guest: sieve}]\n',
    [
      /^s\.yaml:1:17: host\.quantum: 10 is not a time; allowed: a time such as 500us, 10ms or 2s, 1us to 1s/,
      /^s\.yaml:1:28: host\.slice: '1h' is not a time/,
      /^s\.yaml:1:43: host\.frequency: 'fast' is not a frequency/,
      /^s\.yaml:2:16: limits\.time: '0s' is too small/,
    ],
  ],
  'an outcome that does not exist': [
    'domains: [{guest: sieve, expect: {outcome: powerof}}]\n',
    [
      /^s\.yaml:1:44: domains\.0\.expect\.outcome: 'powerof' is not known, did you mean 'poweroff'\?; allowed: poweroff, reboot/,
    ],
  ],
  'a checksum that is not one': [
    'domains: [{guest: sieve, expect: {checksum: 12}}]\n',
    [/^s\.yaml:1:45: domains\.0\.expect\.checksum: '12' is not a checksum; allowed: native/],
  ],
  'a native checksum that nobody recorded': [
    'domains: [{guest: hello, expect: {checksum: native}}]\n',
    [/^s\.yaml:1:45: domains\.0\.expect\.checksum: no native checksum is recorded for the guest 'hello'/],
  ],
  'a fork of a protected domain': [
    'domains:\n  a: {guest: sieve, protection: ctr+mac}\n  b: {fork-of: a}\n',
    [
      "s.yaml:3:16: domains.b.fork-of: 'a' is protected; allowed: a domain with EPT, without privilege, protection and disk",
    ],
  ],
  'a fork of a domain that a template protects': [
    'templates: {t: {protection: xts}}\ndomains:\n  a: {guest: sieve, use: t}\n  b: {fork-of: a, count: 2}\n',
    [/^s\.yaml:4:16: domains\.b\.fork-of: 'a' is protected/],
  ],
  'a protected fork': [
    'domains:\n  a: {guest: sieve, protection: none}\n  b: {fork-of: a, protection: ctr}\n',
    ['s.yaml:3:31: domains.b.protection: a fork shares the pages of another domain; allowed: none'],
  ],
  'pinned pages behind the memory': [
    'domains: [{guest: sieve, memory: 4MiB, protection: ctr, pin: [{from: 3MiB, size: 1MiB}, {from: 4092KiB, size: 8KiB}]}]\n',
    ["s.yaml:1:89: domains.0.pin.1: ends behind the domain's memory of 4MiB; allowed: a range below 4MiB"],
  ],
  'half a page that is pinned': [
    'domains: [{guest: sieve, protection: ctr, pin: [{from: 100, size: 4KiB}]}]\n',
    [/^s\.yaml:1:56: domains\.0\.pin\.0\.from: .*steps of 4KiB/],
  ],
  'pinned pages that nothing protects': [
    'domains: [{guest: sieve, pin: [{from: 1MiB, size: 4KiB}]}]\n',
    ['s.yaml:1:26: domains.0.pin: has no meaning without protection; allowed: protection with it'],
  ],
  'more pinned pages than the buffer has room for': [
    'host: {smm: {slots: 64}}\ndomains: [{guest: sieve, count: 3, protection: ctr, pin: [{from: 1MiB, size: 44KiB}]}]\n',
    ['s.yaml:1:21: host.smm.slots: 33 pages are pinned; allowed: at least 32 slots that are not: 32 pinned pages'],
  ],
  'text that is not bytes': [
    'domains: [{guest: sieve, cmdline: "π"}]\n',
    [
      "s.yaml:1:35: domains.0.cmdline: the character 'π' is not a byte; allowed: a text of at most 4096 Latin-1 characters (bytes 0 to 255)",
    ],
  ],
  'broken YAML: a bracket': ['domains: [{guest: sieve}\n', [/^s\.yaml:\d+:\d+: broken YAML: .*; allowed: /]],
  'broken YAML: a tab': [
    'domains:\n\t- guest: sieve\n',
    [/^s\.yaml:2:1: broken YAML: .*; allowed: indentation with spaces/],
  ],
  'broken YAML: indentation': ['domains:\n  - guest: sieve\n memory: 4MiB\n', [/^s\.yaml:3:\d+: broken YAML/]],
  'broken YAML: an unknown tag': [
    'title: !!python/object x\ndomains: [{guest: sieve}]\n',
    [/^s\.yaml:1:8: broken YAML: Unresolved tag/],
  ],
  'a key that is a map': ['{a: 1}: 2\n', ['s.yaml:1:1: a map or a list cannot be a key; allowed: a name']],
  'two documents': [
    'domains: [{guest: sieve}]\n---\na: 1\n',
    [/^s\.yaml:2:1: broken YAML: .*; allowed: one document in a file/],
  ],
  'an alias without an anchor': ['domains: [*a]\n', [/^s\.yaml:1:11: .*; allowed: /]],
  'an alias to its own ancestor': [
    'domains: &d\n  a: *d\n',
    [/^s\.yaml:2:6: the alias '\*d' contains itself; allowed: /],
  ],
  'a merge of a scalar': ['domains:\n  a: {<<: 5, guest: sieve}\n', [/^s\.yaml:\d+:\d+: .*; allowed: /]],
};

describe('a wrong scenario names place, mistake and what is allowed:', () => {
  it.each(Object.entries(MISTAKES))('%s', (_, [text, expected]) => {
    const lines = problems(text);
    expect(lines).toHaveLength(expected.length);
    for (const [index, line] of lines.entries()) {
      const wanted = expected[index] ?? '';
      if (typeof wanted === 'string') expect(line).toBe(wanted);
      else expect(line).toMatch(wanted);
    }
  });

  it('when its aliases would grow without bound', () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 10; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(',')}]`,
      );
    expect(problems(bomb.join('\n'))[0]).toMatch(
      /^s\.yaml:\d+:\d+: the scenario is too large with its aliases expanded; allowed: /,
    );
  });

  it('when it is nested without end, or too long', () => {
    expect(problems('['.repeat(100_000))[0]).toMatch(/nested too deeply/);
    expect(problems(`${'- '.repeat(20_000)}x`)[0]).toMatch(/nested too deeply/);
    expect(problems('#'.repeat(2 * 1024 ** 2))[0]).toMatch(/^s\.yaml:1:1: the file is too long/);
  });
});

describe('--set', () => {
  const text = 'host: {pcpus: 4}\ndomains:\n  sieve: {guest: sieve}\n  a.b: {guest: hello}\n';

  it('changes values, and adds what is not there', () => {
    expect(load(text, 'host.pcpus=2', 'host.seed=7', 'limits.time=1s', 'title=T')).toMatchObject({
      ...{ title: 'T', host: { pcpus: 2, seed: 7 }, limitNs: 1e9 },
    });
    const changed = load(
      text,
      'domains.sieve.memory=8MiB',
      'domains.a.b.memory=4MiB',
      'domains.sieve.expect={checksum: 00000001}',
    );
    expect(changed.domains.map((domain) => domain.memoryBytes >> 20)).toEqual([8, 4]);
    expect(changed.domains[0]?.expect).toEqual({ checksum: '00000001' });
    expect(load(text, 'domains.*.memory=6MiB').domains.map((domain) => domain.memoryBytes >> 20)).toEqual([6, 6]);
  });

  it('finds the domains of a list by name, by guest and by number', () => {
    const list = 'domains:\n  - guest: sieve\n  - {name: x, guest: hello}\n';
    const sets = ['domains.sieve.memory=2MiB', 'domains.x.memory=4MiB', 'domains.1.pcpu=3'];
    expect(load(list, ...sets).domains.map(({ memoryBytes, pcpu }) => [memoryBytes >> 20, pcpu])).toEqual([
      [2, undefined],
      [4, 3],
    ]);
  });

  it.each([
    ['host.pcpus=99', '--set host.pcpus=99: host.pcpus: 99 is too large; allowed: an integer, 1 to 64'],
    ['host.pcpsu=2', /^--set host\.pcpsu=2: host: unknown key 'pcpsu', did you mean 'pcpus'\?; allowed: pcpus, /],
    ['hots.pcpus=2', /^--set hots\.pcpus=2: unknown key 'hots', did you mean 'host'\?; allowed: title/],
    [
      'domains.seive.memory=8MiB',
      "--set domains.seive.memory=8MiB: nothing is called 'seive', did you mean 'sieve'?; allowed: sieve, a.b, or * for all domains",
    ],
    ['domains.sieve.memory=8', /^--set domains\.sieve\.memory=8: domains\.sieve\.memory: 8 is too small/],
    ['domains.sieve.guest=no', /^--set domains\.sieve\.guest=no: domains\.sieve\.guest: no guest 'no'/],
    ['domains.sieve.translation.page=1g', /^s\.yaml:3:3: domains\.sieve\.memory: 16MiB does not fill EPT pages of 1g/],
    ['host', '--set host: no value; allowed: path=value, for example host.pcpus=2'],
    [
      'host.pcpus.x=1',
      '--set host.pcpus.x=1: host.pcpus has no parts; allowed: the path of a value, for example host.pcpus=2',
    ],
    ['host=[', /^--set host=\[: the value is not YAML: /],
    ['host=*a', /^--set host=\*a: .*; allowed: /],
    [`host=${'['.repeat(5000)}`, /nested too deeply/],
    ['__proto__.x=1', /^--set __proto__\.x=1: unknown key '__proto__'/],
  ])('%s is told by the argument', (argument, expected) => {
    const lines = problems(text, argument);
    expect(lines).toHaveLength(1);
    if (typeof expected === 'string') expect(lines[0]).toBe(expected);
    else expect(lines[0]).toMatch(expected);
  });
});

describe('domains that come later', () => {
  const host = (text: string): string => `host: ${text}\ndomains: { a: { guest: sieve } }`;
  it('need slots and memory', () => {
    const { host: spec, domains } = load(host('{ domain-slots: 3, memory: 64MiB }'));
    expect([spec.domainSlots, spec.memoryBytes, domains[0]?.privileged]).toEqual([3, 64 * 1024 ** 2, undefined]);
    expect(load('domains: { a: { guest: sieve, privileged: true } }').domains[0]?.privileged).toBe(true);
    expect(problems(host('{ domain-slots: 3 }'))[0]).toContain('s.yaml:1:9: host.domain-slots: needs the size');
    expect(problems(host('{ domain-slots: 4095, memory: 1GiB }'))).toEqual([]);
    expect(
      problems(`${host('{ domain-slots: 4095, memory: 1GiB }').slice(0, -2)}, b: { guest: sieve } }`)[0],
    ).toContain('4097 domains possible');
    expect(problems(host('{ memory: 2MiB }'))[0]).toContain('host.memory: the domains need');
  });
});

describe('security rules', () => {
  const rules = (text: string): string => `security:\n${text}\ndomains: { a: { guest: sieve }, b: { guest: sieve } }`;

  it('are taken in their order', () => {
    const { security } = load(
      rules('  - { operation: share, subject: a, object: b, verdict: permit }\n  - { verdict: deny }'),
    );
    expect(security).toEqual([
      { operation: 'share', subject: 'a', object: 'b', verdict: 'permit' },
      { verdict: 'deny' },
    ]);
    expect(load('domains: { a: { guest: sieve } }').security).toBeUndefined();
  });

  it('name operations and domains that are there', () => {
    expect(problems(rules('  - { operation: sahre, verdict: deny }'))[0]).toMatch(
      /^s\.yaml:2:18: security\.0\.operation: 'sahre' is not known, did you mean 'share'\?; allowed: create, destroy/,
    );
    expect(problems(rules('  - { subject: a, object: bb, verdict: deny }'))[0]).toMatch(
      /^s\.yaml:2:27: security\.0\.object: no domain 'bb'.*; allowed: a, b/,
    );
    expect(problems(rules('  - { subject: a }'))[0]).toContain('security.0.verdict: is missing; allowed: permit, deny');
    expect(problems(rules('  - { verdict: deny, domain: a }'))[0]).toContain("unknown key 'domain'");
  });
});

it('a second-level TLB has a number of entries that it can have', () => {
  const text = (entries: string) => `domains:\n  a: { guest: sieve, second-level-tlb: ${entries} }\n`;
  for (const entries of [0, 1024, 65536])
    expect(load(text(String(entries))).domains[0]).toMatchObject({ secondLevelTlb: entries });
  expect(load('domains: {a: {guest: sieve}}').domains[0]).not.toHaveProperty('secondLevelTlb');
  for (const entries of ['-1', '512', '1025', '131072', 'many', '[]']) {
    expect(problems(text(entries))[0]).toMatch(/^s\.yaml:2:\d+: .*second-level-tlb: .*power of two from 1024 to 65536/);
  }
});

describe('disks', () => {
  const disk = (text: string): string => `domains:\n  a: { guest: sieve, disk: ${text} }\n`;
  it('have a size, or a file, and what else is said', () => {
    const spec = (text: string) => load(disk(text)).domains[0]?.disk;
    expect(spec('{ size: 1MiB }')).toEqual({ sizeBytes: 2 ** 20 });
    expect(spec('{ size: 512B, seed: 3, read-only: true }')).toEqual({ sizeBytes: 512, seed: 3, readOnly: true });
    expect(spec('{ size: 4KiB, passthrough: true }')).toEqual({ sizeBytes: 4096, passthrough: true });
    const file = 'test/experiment/catalogue.ts';
    const { disk: found } = load(disk(`{ file: ${file} }`)).domains[0]!;
    expect(found?.sizeBytes).toBe(Math.ceil(statSync(file).size / 512) * 512);
    expect(found?.file).toEqual({ name: file, path: resolve(file) });
  });

  it.each([
    ['{}', 's.yaml:2:22: domains.a.disk: has neither size nor file; allowed: size, or a file'],
    ['{ size: 1000 }', 's.yaml:2:36: domains.a.disk.size: '],
    ['{ size: 2GiB }', 's.yaml:2:36: domains.a.disk.size: '],
    ['{ size: 4KiB, seed: -1 }', 's.yaml:2:48: domains.a.disk.seed: '],
    ['{ size: 4KiB, sead: 1 }', "s.yaml:2:42: domains.a.disk: unknown key 'sead', did you mean "],
    ['{ file: nothing.img }', "s.yaml:2:36: domains.a.disk.file: 'nothing.img': no such file"],
    ['{ file: package.json, size: 512B }', 's.yaml:2:56: domains.a.disk.size: the file has '],
    [
      '{ file: package.json, seed: 1 }',
      's.yaml:2:50: domains.a.disk.seed: has no meaning with file; allowed: file or seed',
    ],
  ])('%s is refused', (text, wanted) => {
    expect(problems(disk(text))[0]?.slice(0, wanted.length)).toBe(wanted);
  });

  it('are not forked', () => {
    const fork = (own: string): string => `${disk('{ size: 4KiB }')}  b: { fork-of: a${own} }\n`;
    expect(problems(fork(''))[0]).toContain("domains.b.fork-of: 'a' has a disk");
    const bare = `domains:\n  a: { guest: sieve }\n  b: { fork-of: a, disk: { size: 4KiB } }\n`;
    expect(problems(bare)[0]).toContain('domains.b.disk: cannot be of a fork');
  });
});
