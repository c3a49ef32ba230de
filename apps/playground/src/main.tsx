// Where the page begins: it is shown, and the service worker is asked to keep it for times without a network.

import { render } from 'preact';
import { App } from './components/App.tsx';
import './styles/page.css';
import './styles/create.css';
import './styles/tables.css';

render(<App />, document.getElementById('app')!);

if (import.meta.env.PROD && 'serviceWorker' in navigator)
  navigator.serviceWorker
    .register(new URL('./serviceWorker.js', document.baseURI))
    .catch((error: unknown) => {
      console.warn('The page will not open without a network:', error);
    });
