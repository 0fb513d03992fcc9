/**
 * The one connection of this page: it fetches what it has not yet heard, then listens, and comes again when that breaks off.
 *
 * It is read with fetch rather than with EventSource, which hides why a server refuses, and waits for ever on a connection that
 * died without a word.
 */

import type { Row } from './columns';
import { Events, type ServerEvent } from './events';

export interface History {
	readonly series: readonly string[];
	readonly every_ms: number;
	readonly keep_ms: number;
	readonly rows: readonly Row[];
}

/** State is what goes on with the connection. */
export type State = { readonly is: 'connecting' | 'live' | 'asleep' } | { readonly is: 'waiting'; readonly why: string };

export interface Listener {
	/** since is the time of the newest sample that is known, in milliseconds since 1970. */
	since(): number | undefined;
	/** begin takes what has been sampled since, and says whether it fits what is known; else all is fetched anew. */
	begin(history: History): boolean;
	hear(event: ServerEvent): void;
	state(state: State): void;
}

/** A server that samples each second is never silent for so long. Milliseconds. */
const silence = 10_000;
const longestPause = 10_000;

/** listen goes on for ever, or sleeps while the page is hidden: a browser has few connections, and the server few places. */
export async function listen(listener: Listener): Promise<never> {
	for (let failed = 0; ; ) {
		if (document.hidden) {
			listener.state({ is: 'asleep' });
			await shown();
		}
		listener.state({ is: 'connecting' });
		const control = new AbortController();
		const stop = () => void (document.hidden && control.abort());
		document.addEventListener('visibilitychange', stop);
		let why: string;
		try {
			why = await once(listener, control, () => {
				failed = 0;
			});
		} catch (err) {
			why = err instanceof Refusal ? err.message : 'The server does not answer.';
		} finally {
			document.removeEventListener('visibilitychange', stop);
			control.abort();
		}
		if (document.hidden) continue;
		listener.state({ is: 'waiting', why });
		await new Promise((resolve) => setTimeout(resolve, pause(failed++)));
	}
}

/** pause is how long to wait after so many failures: longer each time, and not in step with other pages. */
export function pause(failed: number, random: () => number = Math.random): number {
	return Math.min(longestPause, 1000 * 2 ** failed) * (0.75 + random() / 4);
}

/** Refusal is a server's answer that is not what was asked for. */
class Refusal extends Error {}

async function once(listener: Listener, control: AbortController, connected: () => void): Promise<string> {
	let last = Date.now();
	const watch = setInterval(() => {
		if (Date.now() - last > silence) control.abort();
	}, 1000);
	const alive = () => {
		last = Date.now();
	};
	try {
		const since = listener.since();
		const known = (await (await ask(`api/history${since === undefined ? '' : `?since=${since}`}`, control)).json()) as History;
		if (!listener.begin(known)) listener.begin((await (await ask('api/history', control)).json()) as History);
		alive();
		const answer = await ask(`api/live?since=${listener.since() ?? 0}`, control);
		if (!answer.body) throw new Refusal('This browser cannot read a stream.');
		connected();
		listener.state({ is: 'live' });
		const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
		const events = new Events();
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return 'The server ended the connection.';
			alive();
			for (const event of events.feed(value)) listener.hear(event);
		}
	} finally {
		clearInterval(watch);
	}
}

async function ask(address: string, control: AbortController): Promise<Response> {
	const answer = await fetch(address, { signal: control.signal, cache: 'no-store' });
	if (answer.ok) return answer;
	throw new Refusal(refusal(answer.status, await answer.text()));
}

/** refusal says in words why a server does not serve. */
export function refusal(status: number, text: string): string {
	const words = text.trim().slice(0, 200);
	if (status === 401) return 'The server wants its token again: reload this page.';
	if (status === 503 && words) return `Not live: ${words}.`;
	return `The server answers ${status}${words ? `: ${words}` : ''}.`;
}

function shown(): Promise<void> {
	return new Promise((resolve) => {
		const look = () => {
			if (document.hidden) return;
			document.removeEventListener('visibilitychange', look);
			resolve();
		};
		document.addEventListener('visibilitychange', look);
	});
}
