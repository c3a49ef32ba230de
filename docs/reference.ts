// Writes the API reference out of the TSDoc: `docs/api`, which git ignores, one page per entry point of a package. It refuses to
// while an exported name, or a method of an exported class, has no documentation.
//
//   npm run docs:api              writes the pages, after the check
//   npm run docs:api -- --check   only checks

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, type DeclarationReflection, type ProjectReflection, ReflectionKind } from 'typedoc';

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, '..', 'packages');

/** Every module that people import: its name, and the file that it is. */
export function entryPoints(): { readonly name: string; readonly file: string }[] {
  return readdirSync(packages).flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8'));
    return Object.entries<Record<string, string> | string>(exports).flatMap(([path, conditions]) =>
      typeof conditions === 'string' // a script that a page loads, and no module
        ? []
        : [
            {
              name: `${name}${path.slice(1)}`,
              file: join(packages, folder, conditions['@moviegen/source']!),
            },
          ],
    );
  });
}

/** The exports of modules, with their comments. @param files absolute paths of the modules, which the project `tsconfig` has */
export async function readModules(
  files: readonly string[],
  tsconfig = join(here, 'tsconfig.json'),
): Promise<{ readonly app: Application; readonly project: ProjectReflection }> {
  const app = await Application.bootstrapWithPlugins({
    tsconfig,
    entryPoints: [...files],
    outputs: [{ name: 'markdown', path: join(here, 'api') }],
    plugin: ['typedoc-plugin-markdown'],
    skipErrorChecking: true, // `npm run check` does that, with the TypeScript of the sources
    logLevel: 'Warn',
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    validation: {
      notExported: false,
      invalidLink: true,
      rewrittenLink: true,
      notDocumented: false,
      unusedMergeModuleWith: true,
    },
    disableSources: true,
    readme: 'none',
    router: 'module',
    entryFileName: 'index',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    sanitizeComments: true,
    disableGit: true,
    basePath: packages,
  } as Parameters<typeof Application.bootstrapWithPlugins>[0]);
  const project = await app.convert();
  if (!project) throw new Error('docs: TypeDoc could not read the modules');
  return { app, project };
}

/** `module: name` of each exported name, and each method of an exported class, that has no documentation. */
export function undocumented(project: ProjectReflection): string[] {
  const modules = project.children?.some((child) => child.kind === ReflectionKind.Module)
    ? project.children
    : [project as unknown as DeclarationReflection];
  return modules.flatMap((module) =>
    (module.children ?? []).flatMap((exported) => {
      const methods =
        exported.kind === ReflectionKind.Class
          ? exported.children!.filter(
              (member) =>
                member.kind === ReflectionKind.Method && !member.inheritedFrom && !member.overwrites,
            )
          : [];
      return [
        ...(isDocumented(exported) ? [] : [`${module.name}: ${exported.name}`]),
        ...methods
          .filter((method) => !isDocumented(method))
          .map((method) => `${module.name}: ${exported.name}.${method.name}`),
      ];
    }),
  );
}

function isDocumented(one: DeclarationReflection): boolean {
  const ofType = one.type?.type === 'reflection' ? one.type.declaration.signatures : undefined;
  return (
    one.kind === ReflectionKind.Reference || // the same export of another module
    one.hasComment() ||
    [...(one.signatures ?? []), ...(ofType ?? [])].some((signature) => signature.hasComment())
  );
}

async function main(): Promise<void> {
  const entries = entryPoints();
  const { app, project } = await readModules(entries.map(({ file }) => file));
  for (const module of project.children!) {
    const { file } = entries.find(
      ({ file }) => file.endsWith(`${module.name}/index.ts`) || file.endsWith(`${module.name}.ts`),
    )!;
    module.name = entries.find((entry) => entry.file === file)!.name;
  }
  const found = undocumented(project);
  for (const line of found) console.error(`docs: no documentation: ${line}`);
  app.validate(project); // references in the TSDoc that lead nowhere
  if (found.length > 0 || app.logger.hasWarnings() || app.logger.hasErrors()) {
    process.exitCode = 1;
    return;
  }
  console.log(`docs: the exports of ${entries.length} modules are documented`);
  if (process.argv.includes('--check')) return;
  rmSync(join(here, 'api'), { recursive: true, force: true });
  await app.generateOutputs(project);
  // The navigation of the site lists them (.vitepress/config.ts).
  writeFileSync(join(here, 'api', 'modules.json'), JSON.stringify(entries.map(({ name }) => name)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
