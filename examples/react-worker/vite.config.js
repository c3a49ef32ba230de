export default {
  base: './',
  oxc: { jsx: { runtime: 'automatic' } },
  worker: { format: 'es' }, // the library loads its codecs when they are needed
  build: { target: 'es2022' },
};
