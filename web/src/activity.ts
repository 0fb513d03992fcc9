/**
 * What the requests of the running uploads are doing right now: who moves, who waits and for what, how fast it goes.
 *
 * The Dashboard shows a percentage and nothing else while a server is away, so the page keeps this account itself. It is fed
 * by the hooks of upload.ts and asked by status.ts. Time comes in as milliseconds; nothing here looks at a clock.
 */

import type { Trouble } from './words';

/** Wait is one upload's waiting: for what, and when it tries again (milliseconds; undefined: when that has come). */
export interface Wait {
	trouble: Trouble;
	until: number | undefined;
}

/** A shorter wait is a hiccup that nobody needs to hear of. */
const hiccup = 500;

/** Speed is taken over about this long. */
const span = 5000;

export class Activity {
	readonly waits = new Map<string, Wait>();
	private readonly asking = new Set<string>();
	private readonly seen = new Map<string, number>();
	private samples: { at: number; bytes: number }[] = [];
	private moved = 0;

	/** asks: a request of this upload goes out. */
	asks(id: string, now: number): void {
		this.asking.add(id);
		this.moved ||= now;
	}

	/** answered: the server took the request, so whatever it waited for has passed. */
	answered(id: string, now: number): void {
		this.waits.delete(id);
		this.moved = now;
	}

	/** wait: it waits for a trouble to pass and tries again after delay. */
	wait(id: string, trouble: Trouble, delay: number, now: number): void {
		this.asking.delete(id);
		if (trouble === 'offline' || trouble === 'token') this.waits.set(id, { trouble, until: undefined });
		else if (delay >= hiccup || this.waits.has(id)) this.waits.set(id, { trouble, until: now + delay });
	}

	/** ended: paused, cancelled, failed or finished. */
	ended(id: string): void {
		this.waits.delete(id);
		this.asking.delete(id);
		this.seen.delete(id);
		if (this.asking.size + this.waits.size === 0) {
			this.samples = [];
			this.moved = 0;
		}
	}

	/**
	 * progress: so many bytes of the file have been handed to the network. The first figure of an upload, and the first after
	 * a break, is where it goes on, not what was sent.
	 */
	progress(id: string, sent: number, now: number): void {
		const before = this.seen.get(id);
		this.seen.set(id, sent);
		if (before === undefined || sent <= before) return;
		this.moved = now;
		this.samples.push({ at: now, bytes: sent - before });
		this.forget(now);
	}

	/** breaks: the next figure of this upload is where it goes on. */
	breaks(id: string): void {
		this.seen.delete(id);
	}

	/** waitingFor is which uploads wait for a trouble to pass. */
	waitingFor(trouble: Trouble): string[] {
		return [...this.waits].filter(([, wait]) => wait.trouble === trouble).map(([id]) => id);
	}

	/** moving says whether some upload is at work that is not known to wait. */
	moving(): boolean {
		for (const id of this.asking) if (!this.waits.has(id)) return true;
		return false;
	}

	/** still is how long nothing has moved, in milliseconds; 0 when nothing is to move. */
	still(now: number): number {
		return this.moved > 0 && this.asking.size > 0 ? now - this.moved : 0;
	}

	/** rate is bytes a second, or undefined while it cannot be known. */
	rate(now: number): number | undefined {
		this.forget(now);
		const first = this.samples[0];
		if (first === undefined || now - first.at < 1000) return undefined;
		const sum = this.samples.reduce((all, sample) => all + sample.bytes, 0) - first.bytes;
		return sum > 0 ? (sum * 1000) / (now - first.at) : undefined;
	}

	private forget(now: number): void {
		let old = 0;
		while ((this.samples[old]?.at ?? now) < now - span) old++;
		if (old > 0) this.samples.splice(0, old);
	}
}
