import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Maker } from './Maker.tsx';

const checkpoint = new URLSearchParams(location.search).get('checkpoint') ?? 'checkpoint';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Maker checkpoint={new URL(checkpoint, document.baseURI).href} />
  </StrictMode>,
);
