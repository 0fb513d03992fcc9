/**
 * Remembers in localStorage where a file's upload is, in the form that tus-js-client itself uses.
 *
 * Its own code throws when localStorage is full. That happens while the answer to POST is handled, so it counts as a network
 * error, and the file is tried for ever without a byte sent. Here a full or blocked localStorage only means that the address
 * is not kept there.
 */

import type { TusOptions } from '@uppy/tus';
import type { Meta, Body } from './types';

type Addresses = NonNullable<TusOptions<Meta, Body>['urlStorage']>;
type Upload = Parameters<Addresses['addUpload']>[1];

/** addresses keeps nothing where the browser has no localStorage for this page. */
export function addresses(kept: Storage | undefined): Addresses {
	const find = async (prefix: string): Promise<Upload[]> => {
		const found: Upload[] = [];
		try {
			for (let i = 0; kept && i < kept.length; i++) {
				const key = kept.key(i);
				if (!key?.startsWith(prefix)) continue;
				const upload = read(kept.getItem(key));
				if (upload) found.push({ ...upload, urlStorageKey: key });
			}
		} catch {
			// Blocked since: nothing is known.
		}
		return found;
	};
	return {
		findAllUploads: () => find('tus::'),
		findUploadsByFingerprint: (fingerprint) => find(`tus::${fingerprint}::`),
		async removeUpload(key) {
			try {
				kept?.removeItem(key);
			} catch {
				// It was not to be kept anyway.
			}
		},
		/** addUpload gives no key where nothing was kept. */
		async addUpload(fingerprint, upload) {
			const key = `tus::${fingerprint}::${Math.round(Math.random() * 1e12)}`;
			try {
				kept?.setItem(key, JSON.stringify(upload));
				return kept ? key : '';
			} catch {
				return '';
			}
		},
	};
}

function read(text: string | null): Upload | undefined {
	try {
		const value: unknown = JSON.parse(text ?? '');
		return typeof value === 'object' && value !== null ? (value as Upload) : undefined;
	} catch {
		return undefined;
	}
}
