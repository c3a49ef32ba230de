import { useVideo } from './useVideo.ts';

export function Maker({ checkpoint }: { checkpoint: string }) {
  const { state, make, stop } = useVideo(checkpoint);
  const isMaking = state.kind === 'making';
  const submit = (form: FormData) => make(String(form.get('prompt')), Number(form.get('seed')));
  return (
    <>
      <h1>A video of a prompt</h1>
      <form action={submit}>
        <label>
          Prompt{' '}
          <input name="prompt" size={50} defaultValue="a red circle moves right on a black background" />
        </label>{' '}
        <label>
          Seed <input name="seed" type="number" min={0} defaultValue={1} />
        </label>{' '}
        <button type="submit" disabled={isMaking}>
          Make
        </button>{' '}
        <button type="button" disabled={!isMaking} onClick={stop}>
          Stop
        </button>
      </form>
      <p role="status">{isMaking ? state.progress : state.kind === 'failed' ? state.error : ''}</p>
      {state.kind === 'made' && <video src={state.url} controls loop autoPlay muted aria-label="The video" />}
    </>
  );
}
