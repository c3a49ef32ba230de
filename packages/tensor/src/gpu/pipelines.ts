// WGSL to pipelines: each distinct text is compiled once. A shader compiler's messages become a ShaderError that
// names the kernel.
import type { Kernel } from '@moviegen/kernels';
import { ShaderError } from './errors.ts';
import type { Host } from './host.ts';

/** A kernel's text, compiled or on its way to be. */
export interface Program {
  readonly label: string;
  readonly layout: Layout;
  /** Its own, though others have equal ones: wgpu holds consecutive pipelines that share one to the first one's sizes. */
  readonly pipelineLayout: GPUPipelineLayout;
  /** Absent until an asynchronous compilation is done. */
  pipeline: GPUComputePipeline | undefined;
  /** Settles when the asynchronous compilation does. */
  ready: Promise<void> | undefined;
  /** The pipeline is known to be valid: until then its commands may spoil all that are submitted with them. */
  checked: boolean;
}

/** A program that can run. */
export type Compiled = Program & { pipeline: GPUComputePipeline };

/** The bindings of a kind of kernel: one object for all kernels with the same accesses. */
export interface Layout {
  readonly id: number;
  readonly group: GPUBindGroupLayout;
}

const COMPUTE = 4; // GPUShaderStage.COMPUTE

/** Compiles kernels and remembers them by their text. */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #host: Host;
  readonly #watch: (check: Promise<void>) => void;
  readonly #programs = new Map<string, Program>();
  readonly #layouts = new Map<string, Layout>();

  /** @param watch takes checks that reject where a pipeline made at once turns out wrong. */
  constructor(gpu: GPUDevice, host: Host, watch: (check: Promise<void>) => void) {
    this.#gpu = gpu;
    this.#host = host;
    this.#watch = watch;
  }

  /** Distinct texts seen. */
  get size(): number {
    return this.#programs.size;
  }

  /** The kernel's program with its pipeline, which is compiled now where it does not exist yet. */
  compiled(kernel: Kernel): Compiled {
    const program = this.#program(kernel);
    if (!program.pipeline) this.#compileNow(program, kernel);
    return program as Compiled;
  }

  /** The kernel's program. Where its pipeline does not exist yet, it is compiled in the background. */
  started(kernel: Kernel): Program {
    const program = this.#program(kernel);
    if (!program.pipeline && !program.ready) {
      program.ready = this.#compile(program, kernel);
      program.ready.catch(() => undefined); // where nobody waits: the next run compiles again, and reports the error
    }
    return program;
  }

  #program(kernel: Kernel): Program {
    let program = this.#programs.get(kernel.code);
    if (!program) {
      const { label } = kernel;
      const layout = this.#layout(kernel);
      const pipelineLayout = this.#gpu.createPipelineLayout({ label, bindGroupLayouts: [layout.group] });
      program = { label, layout, pipelineLayout, pipeline: undefined, ready: undefined, checked: false };
      this.#programs.set(kernel.code, program);
    }
    return program;
  }

  #layout(kernel: Kernel): Layout {
    const accesses = kernel.bindings.map(({ access }) => access);
    const key = `${accesses.join()}${kernel.uniforms ? '+u' : ''}`;
    const known = this.#layouts.get(key);
    if (known) return known;
    const most = this.#gpu.limits.maxStorageBuffersPerShaderStage;
    if (accesses.length > most) {
      throw new Error(`${kernel.label}: ${accesses.length} buffers, but this adapter binds at most ${most}`);
    }
    const entries = accesses.map((access, binding): GPUBindGroupLayoutEntry => {
      const type = access === 'read' ? 'read-only-storage' : 'storage';
      return { binding, visibility: COMPUTE, buffer: { type } };
    });
    if (kernel.uniforms) {
      const buffer = { type: 'uniform', hasDynamicOffset: true } as const;
      entries.push({ binding: accesses.length, visibility: COMPUTE, buffer });
    }
    const group = this.#gpu.createBindGroupLayout({ label: key, entries });
    const layout = { id: this.#layouts.size, group };
    this.#layouts.set(key, layout);
    return layout;
  }

  #compileNow(program: Program, { label, code }: Kernel): void {
    this.#gpu.pushErrorScope('internal');
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    program.pipeline = this.#gpu.createComputePipeline({
      label,
      layout: program.pipelineLayout,
      compute: { module, entryPoint: 'main' },
    });
    const scopes = [0, 1].map(() => this.#host.poll(() => this.#gpu.popErrorScope()));
    const check = async (): Promise<void> => {
      const [validation, internal] = await Promise.all(scopes);
      const error = validation ?? internal;
      if (error) throw await this.#refused(label, code, module, error.message);
      program.checked = true;
    };
    this.#watch(check());
  }

  async #compile(program: Program, { label, code }: Kernel): Promise<void> {
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    const scope = this.#host.poll(() => this.#gpu.popErrorScope());
    const descriptor = { label, layout: program.pipelineLayout, compute: { module, entryPoint: 'main' } };
    const made = this.#host.poll(() => this.#gpu.createComputePipelineAsync(descriptor));
    made.catch(() => undefined); // the message of the module is the better one, and is awaited first
    try {
      const error = await scope;
      if (error) throw error;
      program.pipeline = await made;
      program.checked = true;
    } catch (error) {
      const text = error instanceof Object && 'message' in error ? String(error.message) : String(error);
      throw await this.#refused(label, code, module, text);
    }
  }

  /** The error for a refused kernel. The kernel is forgotten, so that the next use compiles and reports again. */
  async #refused(label: string, code: string, module: GPUShaderModule, text: string): Promise<ShaderError> {
    this.#programs.delete(code);
    const { messages } = await this.#host.poll(() => module.getCompilationInfo());
    const lines = code.split('\n');
    const shown = messages
      .filter(({ type }) => type === 'error')
      .map(({ message, lineNum, linePos }) => {
        const source = `${String(lineNum).padStart(5)} | ${lines[lineNum - 1] ?? ''}`;
        return `${message}\n${source}\n${' '.repeat(7 + Math.max(0, linePos))}^`;
      });
    return new ShaderError(label, `${label}: ${shown.length > 0 ? shown.join('\n') : text}`);
  }
}
