package e2e

import "strings"

// wantFinished wants the upload's data, record and names to be on stable storage before the first of the steps begins, and
// these to come one after the other.
func (tr *trace) wantFinished(id string, steps ...string) {
	tr.t.Helper()
	tr.wantSynced(dataOf(id), `^f(data)?sync\(<`+id+`>\) = 0`, steps[0])
	tr.wantSynced(`^write\(<`+id+`\.info>`, `^fsync\(<`+id+`\.info(\.tmp)?>\) = 0`, steps[0])
	tr.wantSynced(`^openat\(.*O_CREAT.* = <`+id+`(\.info)?>|`+replaced(id), folderSync, steps[0])
	tr.wantBefore(steps...)
	if steps[0] == eventOf(id) {
		tr.wantSynced(eventOf(id), `^fsync\(<outbox/pending/[^>]+>\) = 0`, steps[1])
		if len(tr.matching(folderMade)) > 0 {
			tr.wantSynced(folderMade, `^fsync\(<outbox/pending>\) = 0`, steps[1])
		}
	}
}

// wantReplaced wants the record to be replaced whole.
func (tr *trace) wantReplaced(id string) {
	tr.t.Helper()
	tr.wantBefore(`^write\(<`+id+`\.info\.tmp>`, replaced(id))
	tr.wantSynced(`^write\(<`+id+`\.info\.tmp>`, `^fsync\(<`+id+`\.info\.tmp>\) = 0`, replaced(id))
	tr.wantNone(`^write\(<` + id + `\.info>`)
}

// wantBefore wants calls that match each pattern, and those of one to have ended before those of the next begin.
func (tr *trace) wantBefore(patterns ...string) {
	tr.t.Helper()
	last := -1
	for i, pattern := range patterns {
		list := tr.matching(pattern)
		if len(list) == 0 {
			tr.t.Errorf("there is no call %s", pattern)
			return
		}
		for _, c := range list {
			if c.begin <= last {
				tr.t.Errorf("%s: it began before all of %s had ended", c.text, patterns[i-1])
			}
		}
		for _, c := range list {
			last = max(last, c.end)
		}
	}
}

// wantSynced wants a sync that begins after all writes (there may be none) have ended, and ends before next begins. Where
// nothing is durable, it wants the writes to come before.
func (tr *trace) wantSynced(writes, sync, next string) {
	tr.t.Helper()
	followers := tr.matching(next)
	if len(followers) == 0 {
		tr.t.Errorf("there is no call %s", next)
		return
	}
	from := -1
	for _, c := range tr.matching(writes) {
		from = max(from, c.end)
	}
	if !tr.durable && from < followers[0].begin {
		return
	}
	for _, c := range tr.matching(sync) {
		if c.begin > from && c.end < followers[0].begin {
			return
		}
	}
	tr.t.Errorf("there is no call %s between all of %s and the first of %s", sync, writes, next)
}

// wantNone wants no call that matches.
func (tr *trace) wantNone(pattern string) {
	tr.t.Helper()
	for _, c := range tr.matching(pattern) {
		tr.t.Errorf("there is the call %s", c.text)
	}
}

func (tr *trace) String() string {
	var text strings.Builder
	for _, c := range tr.calls {
		text.WriteString(c.text + "\n")
	}
	return text.String()
}
