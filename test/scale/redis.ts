/** A redis-server of a test's own, on a free port of the loopback, that can be killed and started again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class Server {
  readonly port: number;
  readonly folder: string;
  private child: ChildProcess | undefined;

  constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const settings = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''];
    this.child = spawn('redis-server', [...settings, '--appendonly', 'yes'], { stdio: 'ignore' });
    for (let attempt = 0; attempt < 100; attempt++) {
      const { stdout } = spawnSync('redis-cli', ['-p', `${this.port}`, 'ping'], { encoding: 'utf8' });
      if (stdout.startsWith('PONG')) return;
      await sleep(50);
    }
    throw new Error('redis-server does not answer');
  }

  /** As a power failure would. */
  async kill(): Promise<void> {
    const child = this.child;
    if (child === undefined) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
  }
}
