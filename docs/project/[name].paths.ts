// A page per file of the repository that people read: cards of models, rooms of the code, how to contribute, what changes.
import { pageText, projectPages } from '../pages.ts';

export default {
  paths: () =>
    Object.entries(projectPages).map(([name, file]) => ({ params: { name }, content: pageText(file) })),
};
