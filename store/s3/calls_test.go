package s3_test

import (
	"maps"
	"testing"

	"plateau/store/s3/s3test"
)

// TestCalls counts what each upload asks of the bucket, its event's intent and the removal of
// that included.
func TestCalls(t *testing.T) {
	const (
		put      = s3test.PutObject
		head     = s3test.HeadObject
		begin    = s3test.CreateMultipartUpload
		part     = s3test.UploadPart
		complete = s3test.CompleteMultipartUpload
		remove   = s3test.DeleteObject
	)
	type counts = map[s3test.Operation]int
	want := map[string]counts{
		"nothing":                              {put: 2},
		"4 KiB with the creation":              {put: 2},
		"4 KiB after the creation":             {put: 3},
		"a small file in four pieces":          {put: 6, remove: 1},
		"11 MiB with the creation":             {begin: 1, put: 2, part: 3, complete: 1, head: 1},
		"16 MiB in pieces of any size":         {begin: 1, put: 5, part: 4, complete: 1, head: 1, remove: 1},
		"15 MiB in pieces of a part":           {begin: 1, put: 2, part: 3, complete: 1, head: 1},
		"12 MiB, the length at the end":        {put: 6, begin: 1, part: 3, complete: 1, head: 1, remove: 1},
		"13 MiB in pieces of less than a part": {begin: 1, put: 3, part: 3, complete: 1, head: 1},
	}
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			got := make(counts)
			for _, call := range w.calls(t) {
				got[call.Operation]++
			}
			if got[remove] == want[w.name][remove]+1 {
				got[remove]-- // the intent's, whose event arrived early
			}
			if got[remove] == 0 {
				delete(got, remove)
			}
			if !maps.Equal(got, want[w.name]) {
				t.Errorf("%v, want %v", got, want[w.name])
			}
		})
	}
}
