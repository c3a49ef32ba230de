// Where a person chooses the model, and sees how large it is before it is fetched; of a server, gives the key.

import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { hubModel, TYPES, toFetch } from '../model.ts';
import { Amount } from './Amount.tsx';
import { Chooser } from './Chooser.tsx';
import { Loras } from './Loras.tsx';
import { ProblemCard } from './ProblemCard.tsx';
import { HUB, type ModelState, SERVER } from './useModel.ts';

interface Properties {
  readonly model: ModelState;
  readonly upsampler: ModelState;
  /** While a video is made, its model stays. */
  readonly running: boolean;
}

export function ModelField({ model, upsampler, running }: Properties) {
  const { typed, place, abilities, change } = model;
  const size = abilities?.size;
  const loras = place?.loras ?? [];
  const needed =
    (model.problem !== undefined && typed !== '') || model.unfit !== undefined || loras.length > 0;
  const details = useRef<HTMLDetailsElement>(null);
  // It is opened where there is something to see, and closed by a person alone.
  useEffect(() => {
    if (needed) details.current?.setAttribute('open', '');
  }, [needed]);
  return (
    <details class="model" ref={details}>
      <summary>
        <span class="words">{typed === '' ? 'The model of this page' : typed}</span>{' '}
        <span class="small">
          {abilities === undefined
            ? model.problem === undefined
              ? '…'
              : ''
            : `${abilities.kind}${size === undefined ? '' : ` · ${toFetch(size)}`}${loras.map(({ file }) => ` · ${file.name}`).join('')}`}
        </span>
      </summary>
      <PlaceForm label="Model" state={model} disabled={running} none="the one beside this page" />
      {place && (
        <div class="more">
          <label for="dtype">Weights</label>
          <select
            id="dtype"
            value={place.dtype ?? 'f32'}
            onChange={({ currentTarget }) => change({ dtype: currentTarget.value as keyof typeof TYPES })}
          >
            {Object.entries(TYPES).map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
          {size !== undefined && size.missing < size.bytes && (
            <button type="button" disabled={running} onClick={() => void model.forget()}>
              Remove its files
            </button>
          )}
        </div>
      )}
      {place && (
        <Amount
          label="Memory, GiB"
          value={place.maxMemory === undefined ? undefined : place.maxMemory / 2 ** 30}
          placeholder="all"
          min={0}
          wrong={place.maxMemory === undefined || place.maxMemory > 0 ? undefined : 'Memory must be above 0.'}
          onChange={(value) => change({ maxMemory: value === undefined ? undefined : value * 2 ** 30 })}
        >
          What the weights of the transformer may take on the graphics card. The rest is read anew at every
          step: slower, and the same video.
        </Amount>
      )}
      {abilities?.generation && <Loras model={model} />}
      {abilities?.kind.startsWith('Wan') && place && (
        <div class="more">
          <Chooser accept=".safetensors" onFile={(states) => change({ states })}>
            {place.states === undefined ? 'Choose prompt states' : 'Choose others'}
          </Chooser>
          {place.states === undefined ? (
            <span class="small">
              A file of moviegen encode-text: the text encoder, most of the bytes, is then not fetched.
            </span>
          ) : (
            <>
              <span class="small">{place.states.name}</span>
              <button type="button" onClick={() => change({ states: undefined })}>
                Leave it out
              </button>
            </>
          )}
        </div>
      )}
      <PlaceForm label="Upsampler" state={upsampler} disabled={running} none="none" />
      {upsampler.abilities?.size && <p class="small">{toFetch(upsampler.abilities.size)}</p>}
    </details>
  );
}

interface PlaceProperties {
  readonly label: string;
  readonly state: ModelState;
  readonly disabled: boolean;
  /** What an empty field means. */
  readonly none: string;
}

/** Opens a model. */
function PlaceForm({ label, state, disabled, none }: PlaceProperties) {
  const id = useId();
  const [text, setText] = useState(state.typed);
  const [token, setToken] = useState('');
  const isHub = hubModel(text) !== undefined;
  return (
    <form
      class="place"
      onSubmit={(event) => {
        event.preventDefault();
        state.open(text, token);
      }}
    >
      <div class="number">
        <label for={id}>{label}</label>
        <input
          id={id}
          type="text"
          placeholder={`ORG/NAME of the hub, or an address (empty: ${none})`}
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </div>
      {isHub && (
        <Secret
          label="Token"
          value={token}
          onChange={setToken}
          to={new URL(HUB).host}
          hint="It may be left out."
        />
      )}
      <button type="submit" disabled={disabled}>
        Open
      </button>
      {state.problem && state.typed !== '' && (
        <ProblemCard problem={state.problem} onAgain={() => state.open(text, token)} />
      )}
    </form>
  );
}

/** Gives a server the key that it asks for. */
export function KeyForm({ onKey }: { readonly onKey: (key: string) => void }) {
  const [key, setKey] = useState('');
  return (
    <form
      class="place"
      onSubmit={(event) => {
        event.preventDefault();
        onKey(key.trim());
      }}
    >
      <Secret label="API key" value={key} onChange={setKey} to={SERVER!} hint="Some servers ask for one." />
      <button type="submit">Use it</button>
    </form>
  );
}

interface SecretProperties {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Who is told. */
  readonly to: string;
  readonly hint: string;
}

function Secret({ label, value, onChange, to, hint }: SecretProperties) {
  const id = useId();
  return (
    <div class="number">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="password"
        autocomplete="off"
        value={value}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
      <span class="small" id={`${id}-hint`}>
        {hint} Sent to {to} only, and forgotten when this page is closed.
      </span>
    </div>
  );
}
