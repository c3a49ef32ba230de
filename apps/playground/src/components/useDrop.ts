// Files that are dropped onto a part of the page.

import { useRef, useState } from 'preact/hooks';

/** Handlers for an element, and whether a file is held over it. Without `able`, the browser does what it always does. */
export function useDrop(able: boolean, onFile: (file: File) => void) {
  const [over, setOver] = useState(false);
  /** Elements inside that were entered and not left. */
  const inside = useRef(0);
  const holdsFiles = ({ dataTransfer }: DragEvent): boolean =>
    able && dataTransfer?.types.includes('Files') === true;
  const handlers = {
    onDragEnter: (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      inside.current++;
      setOver(true);
    },
    onDragOver: (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault();
    },
    onDragLeave: (event: DragEvent) => {
      if (holdsFiles(event) && --inside.current <= 0) setOver(false);
    },
    onDrop: (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      inside.current = 0;
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) onFile(file);
    },
  };
  return { over, handlers };
}
