/** One domain as the schema read it → DomainSpec: rules between its fields, and its files on the disk. */
import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { SECTOR } from '../hypervisor/disk.js';
import { type DomainImage, readDomain } from '../hypervisor/domain-image.js';
import { imageFrames } from '../hypervisor/domain-restore.js';
import { SaveError } from '../hypervisor/sealed-file.js';
import type { PinnedRange } from '../hypervisor/types.js';
import { type Disk, MAX_IMAGE } from './disk.js';
import type { Path } from './document.js';
import { type Catalogue, type CatalogueEntry, looksLikePath } from './guests.js';
import { listNames, type Place, quote, suggest } from './problem.js';
import type { DiskSpec, DomainSpec, Expectation, HostSpec } from './scenario.js';
import type { ParsedDomain } from './schema-domain.js';
import { LIMITS } from './schema-fields.js';
import { formatQuantity, MEMORY } from './units.js';

/** What the loader needs to know about the world; tests give their own. */
export interface LoadContext {
  readonly catalogue: Catalogue;
  /** Bytes of flat memory that a host would take, how many there can be, and what the guests need of the host's memory. */
  readonly hostBytes?: (
    host: HostSpec,
    domains: readonly DomainSpec[],
  ) => { readonly needed: number; readonly limit: number; readonly guests: number };
  /** Throws if a domain could not be started like this; the message says why. */
  readonly inspectImage?: (boot: Boot) => void;
  /** Bytes that can wait at the serial port. */
  readonly inputBytes?: () => number;
}

/** What a domain starts from. */
export interface Boot {
  readonly image: Uint8Array;
  readonly imageName: string;
  readonly memoryBytes: number;
  readonly cmdline: string;
  readonly modules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/** A guest of the catalogue, or a file of the user. */
type GuestImage = Pick<CatalogueEntry, 'path' | 'cmdline' | 'input' | 'disk'> & Partial<CatalogueEntry>;

export type Report = (path: Path, problem: string, allowed: string, want?: 'key' | 'value') => void;

export class DomainLoader {
  private readonly context: LoadContext;
  private readonly disk: Disk;
  private readonly report: Report;
  /** Where a value is written: templates and includes seen through. */
  private readonly place: (path: Path) => Place;

  constructor(context: LoadContext, disk: Disk, report: Report, place: (path: Path) => Place) {
    this.context = context;
    this.disk = disk;
    this.report = report;
    this.place = place;
  }

  /** @returns undefined if the guest is not there; problems are reported */
  domain(path: Path, name: string, domain: ParsedDomain, pcpus = Number.POSITIVE_INFINITY): DomainSpec | undefined {
    if (domain.pcpu !== undefined && domain.pcpu >= pcpus) {
      this.report([...path, 'pcpu'], `the host has no physical CPU ${domain.pcpu}`, `0 to ${pcpus - 1}`);
    }
    if (domain.restore !== undefined) return this.restored(path, name, domain, domain.restore);
    const image = this.guest([...path, 'guest'], domain.guest);
    const memoryBytes = domain.memory ?? Math.max(LIMITS.memoryDefault, image?.memoryBytes ?? 0);
    const translation = this.translation(path, domain, memoryBytes);
    const modules = (domain.modules ?? []).map((module, index) => {
      const found = this.file([...path, 'modules', index, 'file'], module.file);
      return { name: module.name ?? module.file, path: found ?? '' };
    });
    if (image === undefined) return undefined;
    const cmdline = domain.cmdline ?? image.cmdline;
    const input = domain.input ?? image.input;
    const inputBytes = this.context.inputBytes?.() ?? LIMITS.inputMax;
    if (input !== undefined && input.length > inputBytes) {
      this.report([...path, 'input'], `${input.length} characters are too many`, `at most ${inputBytes} characters`);
    }
    if (modules.every((module) => module.path !== '')) {
      this.inspect([...path, 'guest'], domain.guest, image.path, { memoryBytes, cmdline, modules });
    }
    const disk = this.storage([...path, 'disk'], domain, image);
    const secondLevelTlb = domain['second-level-tlb'];
    return {
      name,
      guest: domain.guest,
      path: image.path,
      memoryBytes,
      cmdline,
      translation,
      modules,
      ...(input !== undefined && { input }),
      ...(domain.cpuid?.hide !== undefined && { cpuidHide: domain.cpuid.hide }),
      ...(secondLevelTlb !== undefined && { secondLevelTlb }),
      ...own(domain),
      ...(domain.apic && { apic: true }),
      ...(domain['fork-of'] !== undefined && {
        fork: { of: domain['fork-of'], at: domain['fork-at'] ?? 'marker' },
      }),
      ...(domain.privileged && { privileged: true }),
      ...(domain.protection !== undefined && { protection: domain.protection }),
      ...(disk !== undefined && { disk }),
      ...(domain.pin !== undefined && { pin: this.pins(path, domain, memoryBytes) }),
      ...(domain.expect !== undefined && { expect: this.expectation(path, domain, image.image, cmdline) }),
    };
  }

  private pins(path: Path, { pin = [], protection }: ParsedDomain, memoryBytes: number): readonly PinnedRange[] {
    if (protection === undefined) {
      this.report([...path, 'pin'], 'has no meaning without protection', 'protection with it', 'key');
    }
    return pin.map(({ from, size }, index) => {
      if (from + size > memoryBytes) {
        const memory = formatQuantity(MEMORY, memoryBytes);
        this.report([...path, 'pin', index], `ends behind the domain's memory of ${memory}`, `a range below ${memory}`);
      }
      return { from, bytes: size };
    });
  }

  /** A domain that goes on from a file. */
  private restored(path: Path, name: string, domain: ParsedDomain, written: string): DomainSpec | undefined {
    const file = this.file([...path, 'restore'], written);
    if (file === undefined) return undefined;
    let image: DomainImage;
    try {
      image = readDomain(this.disk.read(file));
    } catch (error) {
      if (!(error instanceof SaveError)) throw error;
      const allowed = 'a file that `ringfence run --save-domain` of this build wrote';
      this.report([...path, 'restore'], `${quote(written)} ${error.message}`, allowed);
      return undefined;
    }
    const { imageName, cmdline, memoryBytes, translation, secondLevelTlb } = image.config;
    const sha256 = createHash('sha256').update(this.disk.read(file)).digest('hex');
    return {
      name,
      guest: imageName,
      path: file,
      memoryBytes,
      cmdline,
      translation,
      modules: [],
      restore: { sha256, frames: imageFrames(image), frequencyHz: image.machine.frequencyHz },
      ...(secondLevelTlb !== undefined && { secondLevelTlb }),
      ...own(domain),
      ...(domain.expect !== undefined && {
        expect: this.expectation(path, domain, imageName.replace(/\.elf$/, ''), cmdline),
      }),
    };
  }

  /** The disk that the domain is given, else the one that its guest needs. */
  private storage(path: Path, { disk, 'fork-of': of }: ParsedDomain, image: GuestImage): DiskSpec | undefined {
    if (of !== undefined) return undefined;
    if (disk === undefined) return image.disk && { sizeBytes: image.disk.bytes, seed: image.disk.seed };
    const { size, file, seed, ...flags } = disk;
    if (file !== undefined && seed !== undefined) {
      this.report([...path, 'seed'], 'has no meaning with file', 'file or seed', 'key');
    }
    const found = file === undefined ? undefined : this.file([...path, 'file'], file);
    const bytes = found === undefined ? 0 : this.disk.read(found).length;
    const whole = Math.ceil(bytes / SECTOR) * SECTOR;
    if (size === undefined && file === undefined) this.report(path, 'has neither size nor file', 'size, or a file');
    if (found !== undefined && bytes === 0 && size === undefined) {
      this.report([...path, 'file'], `${quote(file ?? '')} is empty`, 'size, or a file that is not empty');
    }
    if (size !== undefined && size < bytes) {
      this.report([...path, 'size'], `the file has ${bytes} bytes`, `at least ${formatQuantity(MEMORY, whole)}`);
    }
    return {
      sizeBytes: size ?? whole,
      ...(found !== undefined && { file: { name: file ?? '', path: found } }),
      ...(seed !== undefined && { seed }),
      ...(flags['read-only'] && { readOnly: true }),
      ...(flags.passthrough && { passthrough: true }),
    };
  }

  private translation(path: Path, domain: ParsedDomain, memoryBytes: number): DomainSpec['translation'] {
    const { kind, page = '4k', 'accessed-dirty': accessedDirty = true } = domain.translation;
    const at = [...path, 'translation'];
    if (kind === 'direct') {
      for (const key of ['page', 'accessed-dirty'] as const) {
        if (domain.translation[key] === undefined) continue;
        this.report(
          [...at, key],
          'has no meaning with kind: direct',
          'kind: ept, or neither page nor accessed-dirty',
          'key',
        );
      }
      return { kind };
    }
    const pageBytes = { '4k': 4096, '2m': 2 * 1024 ** 2, '1g': 1024 ** 3 }[page];
    if (memoryBytes % pageBytes !== 0) {
      const size = formatQuantity(MEMORY, memoryBytes);
      this.report(
        [...path, 'memory'],
        `${size} does not fill EPT pages of ${page}`,
        `a multiple of ${formatQuantity(MEMORY, pageBytes)}`,
      );
    }
    return { kind, pageSize: page, accessedDirty };
  }

  private expectation(path: Path, domain: ParsedDomain, image: string | undefined, cmdline: string): Expectation {
    const { outcome, checksum: written } = domain.expect ?? {};
    const native = image === undefined ? undefined : this.context.catalogue.native(image, cmdline);
    if (written === 'native' && native === undefined) {
      const problem = `no native checksum is recorded for the guest ${quote(domain.guest)} with cmdline ${quote(cmdline)}`;
      this.report(
        [...path, 'expect', 'checksum'],
        problem,
        '8 hexadecimal digits, or a run of guests/native/expected.json',
      );
    }
    const checksum = written === 'native' ? native : written;
    return { ...(outcome !== undefined && { outcome }), ...(checksum !== undefined && { checksum }) };
  }

  /** The image that a domain names. */
  guest(path: Path, guest: string): GuestImage | undefined {
    if (looksLikePath(guest)) {
      const found = this.file(path, guest);
      return found === undefined ? undefined : { path: found, cmdline: '' };
    }
    const { catalogue } = this.context;
    const found = catalogue.find(guest);
    if (found !== undefined) return found;
    const { names } = catalogue;
    this.report(
      path,
      `no guest ${quote(guest)}${suggest(guest, names)}`,
      `${listNames(names)}, or the path of an ELF file`,
    );
    return undefined;
  }

  /** Absolute path of a file that the scenario names. */
  private file(path: Path, name: string): string | undefined {
    // Relative to the file that says so, which may be an included one.
    const { file } = this.place(path);
    const absolute = resolve(dirname(file), name);
    const fault = this.disk.fault(absolute);
    if (fault === undefined) return absolute;
    const allowed = `a file of at most ${formatQuantity(MEMORY, MAX_IMAGE)}, relative to the scenario`;
    this.report(path, `${quote(name)}: ${fault}`, allowed);
    return undefined;
  }

  private inspect(
    path: Path,
    guest: string,
    file: string,
    { memoryBytes, cmdline, modules }: Pick<DomainSpec, 'memoryBytes' | 'cmdline' | 'modules'>,
  ): void {
    const { inspectImage } = this.context;
    if (inspectImage === undefined) return;
    const key = JSON.stringify([file, memoryBytes, cmdline, modules]);
    const message = this.disk.once(key, () => {
      const loaded = modules.map((module) => ({ name: module.name, bytes: this.disk.read(module.path) }));
      inspectImage({ image: this.disk.read(file), imageName: basename(file), memoryBytes, cmdline, modules: loaded });
    });
    if (message === undefined) return;
    this.report(path, `${quote(guest)}: ${message}`, 'an ELF32 i386 Multiboot image that fits the memory');
  }
}

/** What a scenario says of every domain, wherever the domain comes from. */
function own(domain: ParsedDomain): Pick<DomainSpec, 'pcpu' | 'maxInstructions' | 'weight' | 'cap' | 'pageSharing'> {
  const { pcpu, 'max-instructions': maxInstructions, weight, cap, 'page-sharing': pageSharing } = domain;
  return {
    ...(pcpu !== undefined && { pcpu }),
    ...(maxInstructions !== undefined && { maxInstructions }),
    ...(pageSharing !== undefined && { pageSharing }),
    ...(weight !== undefined && { weight }),
    ...(cap !== undefined && { cap }),
  };
}
