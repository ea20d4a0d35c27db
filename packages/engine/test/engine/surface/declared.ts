import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  API,
  SignatureKind,
  SymbolFlags,
  TypeFlags,
  type Checker,
  type Symbol,
  type Type,
} from 'typescript/unstable/sync';
import { tempFolder } from '../../support/temp.ts';
import { WRONG_KINDS, WRONG_VALUES, type WrongKind } from './wrong-values.ts';

// Reads from the built declarations what the library exports: what can be called, with what, and which values are no such thing.

/** A value that a call takes: an argument, or a field of one. */
export interface DeclaredValue {
  readonly name: string;
  /** What its type does not allow. */
  readonly wrong: readonly WrongKind[];
  /** Of an object of options. */
  readonly fields: readonly DeclaredValue[];
}

/** A function, a constructor or a method, by its path: `connect`, `new Client`, `Client.enqueue`, `control.getTask`. */
export type DeclaredCalls = ReadonlyMap<string, readonly DeclaredValue[]>;

/** Of both entry points. */
const ENTRIES = ['index', 'testing/test-broker'].map((name) =>
  fileURLToPath(new URL(`../../../dist/${name}.d.ts`, import.meta.url)),
);
/** Objects that are passed on as they are. */
const WHOLE = new Set([
  'Broker',
  'Clock',
  'Log',
  'Events',
  'AbortSignal',
  'Date',
  'Uint8Array',
  'Map',
  'Set',
]);
const MAX_DEPTH = 2;

/** The exported calls. Each is written once, under the name by which a program reaches it. */
class Reader {
  readonly calls = new Map<string, readonly DeclaredValue[]>();
  readonly #checker: Checker;
  readonly #wrongTypes: ReadonlyMap<WrongKind, Type>;
  readonly #known = new Map<number, readonly WrongKind[]>();

  /** @param types the module that exports a type for each kind, in their order */
  constructor(checker: Checker, types: Symbol) {
    this.#checker = checker;
    const typeOf = new Map(checker.getExportsOfModule(types).map((type) => [type.name, type]));
    this.#wrongTypes = new Map(
      WRONG_KINDS.map((kind, i) => [kind, checker.getDeclaredTypeOfSymbol(typeOf.get(`Wrong${i}`)!)]),
    );
  }

  readExports(module: Symbol, prefix = ''): void {
    for (const exported of this.#checker.getExportsOfModule(module)) {
      const isAlias = (exported.flags & SymbolFlags.Alias) !== 0;
      this.#read(prefix + exported.name, isAlias ? this.#checker.getAliasedSymbol(exported) : exported);
    }
  }

  #read(path: string, symbol: Symbol): void {
    const { flags } = symbol;
    if (flags & SymbolFlags.Class) {
      this.#addCall(`new ${path}`, this.#checker.getTypeOfSymbol(symbol)!, SignatureKind.Construct);
      this.#readMethods(path, this.#checker.getDeclaredTypeOfSymbol(symbol));
    } else if (flags & SymbolFlags.Interface) {
      this.#readMethods(path, this.#checker.getDeclaredTypeOfSymbol(symbol));
    } else if (flags & SymbolFlags.Module) {
      this.readExports(symbol, `${path}.`);
    } else if (flags & (SymbolFlags.Function | SymbolFlags.Variable)) {
      const type = this.#checker.getTypeOfSymbol(symbol)!;
      const isData = (type.flags & TypeFlags.Object) === 0 || this.#checker.isArrayLikeType(type);
      if (!this.#addCall(path, type) && !isData) this.#readMethods(path, type);
    }
  }

  #readMethods(path: string, type: Type): void {
    for (const member of this.#checker.getPropertiesOfType(type))
      this.#addCall(`${path}.${member.name}`, this.#checker.getTypeOfSymbol(member)!);
  }

  #addCall(path: string, type: Type, kind = SignatureKind.Call): boolean {
    const signatures = this.#checker.getSignaturesOfType(type, kind).map((each) => each.getParameters());
    // Of several the longest: it takes what the others take, and more.
    const [longest] = signatures.sort((a, b) => b.length - a.length);
    if (!longest) return false;
    const values = longest.map((parameter) =>
      this.#valueOf(parameter.name, this.#checker.getTypeOfSymbol(parameter)!),
    );
    this.calls.set(path, values);
    return true;
  }

  #valueOf(name: string, declared: Type, depth = 0): DeclaredValue {
    // What a type parameter is bound to is known, the type itself is not.
    const type = this.#checker.getBaseConstraintOfType(declared) ?? declared;
    const given = this.#checker.getNonNullableType(type)!;
    // A part of a broker is taken from a whole one.
    const hasFields = depth < MAX_DEPTH && name !== 'broker' && this.#isOptions(given);
    const properties = hasFields ? this.#checker.getPropertiesOfType(given) : [];
    const fields = properties.map((property) =>
      this.#valueOf(property.name, this.#checker.getTypeOfSymbol(property)!, depth + 1),
    );
    return { name, wrong: this.#wrongFor(type), fields };
  }

  #isOptions(type: Type): boolean {
    if (
      (type.flags & (TypeFlags.Object | TypeFlags.Intersection)) === 0 ||
      WHOLE.has(type.getSymbol()?.name ?? '')
    )
      return false;
    return (
      !this.#checker.isArrayLikeType(type) &&
      this.#checker.getSignaturesOfType(type, SignatureKind.Call).length === 0
    );
  }

  #wrongFor(type: Type): readonly WrongKind[] {
    const known = this.#known.get(type.id);
    if (known) return known;
    const takesAll = (type.flags & (TypeFlags.Any | TypeFlags.Unknown | TypeFlags.TypeParameter)) !== 0;
    const fits = (kind: WrongKind) =>
      WRONG_VALUES[kind].type !== null && this.#checker.isTypeAssignableTo(this.#wrongTypes.get(kind)!, type);
    const wrong = takesAll ? [] : WRONG_KINDS.filter((kind) => !fits(kind));
    this.#known.set(type.id, wrong);
    return wrong;
  }
}

const typesText = (): string =>
  WRONG_KINDS.map((kind, i) => `export type Wrong${i} = ${WRONG_VALUES[kind].type ?? 'never'};\n`).join('');

/** Reads the declarations of the package as it was built. */
export async function readDeclaredCalls(): Promise<DeclaredCalls> {
  const folder = await tempFolder();
  const types = folder.file('wrong-types.ts');
  await writeFile(types, typesText());
  const api = new API();
  try {
    const snapshot = api.updateSnapshot({ openFiles: [...ENTRIES, types] });
    const project = snapshot.getDefaultProjectForFile(ENTRIES[0]!)!;
    const { checker, program } = project;
    const moduleOf = (file: string) => checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
    const reader = new Reader(checker, moduleOf(types));
    for (const entry of ENTRIES) reader.readExports(moduleOf(entry));
    return reader.calls;
  } finally {
    api.close();
    await folder.remove();
  }
}
