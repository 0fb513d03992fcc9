/**
 * The token that each request carries where the server asks for one.
 *
 * A token that the server has refused is not sent again. What needs one then waits until a person has given another: nothing is
 * thrown away, and nothing asks in vain.
 */

import type { Whose } from './whoami';

export class Token {
	/** Whether the server has refused it, and no other was given since. */
	refused = false;
	private readonly listeners: (() => void)[] = [];
	private waiting: (() => void)[] = [];
	private checking: Promise<void> | undefined;

	/** ask says whose a token is. */
	constructor(
		private value: string,
		readonly owner: string,
		private readonly ask: (token: string) => Promise<Whose>,
	) {}

	/** header is what a request carries as Authorization. */
	get header(): string {
		return `Bearer ${this.value}`;
	}

	/** onChange has a function called whenever refused changes. */
	onChange(listener: () => void): void {
		this.listeners.push(listener);
	}

	/** usable ends when there is a token that the server has not refused, as a rule at once. */
	usable(): Promise<void> {
		return this.refused ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
	}

	/** refuse: a request with this header heard that the server does not take it. A late answer to an older token means nothing. */
	refuse(header: string): void {
		if (this.refused || header !== this.header) return;
		this.refused = true;
		this.changed();
	}

	/** renew puts another token of the same owner in its place. */
	renew(value: string): void {
		this.value = value;
		this.refused = false;
		for (const go of this.waiting.splice(0)) go();
		this.changed();
	}

	/** check asks whether the server still takes it. Those who ask at the same time share one request. */
	check(): Promise<void> {
		this.checking ??= this.askAnew().finally(() => {
			this.checking = undefined;
		});
		return this.checking;
	}

	private changed(): void {
		for (const listener of this.listeners) listener();
	}

	private async askAnew(): Promise<void> {
		const { header } = this;
		if (!this.refused && (await this.ask(this.value)) === 'refused') this.refuse(header);
	}
}
