/** The form that asks for the token. It hands on only what the server takes, and says plainly why it did not take another. */

import type { Whose } from './whoami';
import { checkToken, checkingToken, type TokenProblem, tokenProblem } from './words';

export class TokenForm {
	/** accepted is called with a token that the server takes. */
	accepted: (token: string, owner: string) => void = () => {};
	private readonly field: HTMLInputElement;
	private readonly button: HTMLButtonElement;
	private readonly problem: HTMLElement;
	private busy = false;

	/** root is the form in index.html; after takes the focus when that goes with the form; ask says whose a token is. */
	constructor(
		private readonly root: HTMLElement,
		private readonly after: HTMLElement,
		private readonly ask: (token: string) => Promise<Whose>,
	) {
		const field = root.querySelector('input');
		const button = root.querySelector('button');
		const problem = root.querySelector<HTMLElement>('.problem');
		if (!field || !button || !problem) throw new Error('index.html lacks a part of #token');
		this.field = field;
		this.button = button;
		this.problem = problem;
		root.addEventListener('submit', (event) => {
			event.preventDefault();
			void this.submit();
		});
	}

	/** show leaves the focus where somebody is at work. */
	show(): void {
		if (!this.root.hidden) return;
		this.root.hidden = false;
		if (!document.activeElement || document.activeElement === document.body) this.field.focus();
	}

	hide(): void {
		if (this.root.contains(document.activeElement)) this.after.focus();
		this.root.hidden = true;
		this.field.value = '';
		this.say(undefined);
	}

	private async submit(): Promise<void> {
		if (this.busy) return;
		const token = bare(this.field.value);
		this.say(undefined);
		if (token === '') {
			this.field.focus();
			return;
		}
		if (!/^[!-~]+$/.test(token)) {
			this.fail('malformed');
			return;
		}
		this.busy = true;
		this.button.textContent = checkingToken;
		const whose = await this.ask(token);
		this.button.textContent = checkToken;
		this.busy = false;
		if (typeof whose === 'string') this.fail(whose);
		else this.accepted(token, whose.owner);
	}

	private fail(problem: TokenProblem): void {
		this.say(problem);
		if (problem !== 'away') this.field.select(); // the next one is pasted over it
	}

	private say(problem: TokenProblem | undefined): void {
		this.problem.textContent = problem ? tokenProblem(problem) : '';
		this.field.setAttribute('aria-invalid', String(problem === 'refused' || problem === 'malformed'));
	}
}

/** bare is a token as it was pasted, without what often comes with it. */
export function bare(pasted: string): string {
	return pasted.trim().replace(/^(Authorization:\s*)?Bearer\s+/i, '');
}
