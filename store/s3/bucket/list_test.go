package bucket

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

func keys(objects []Object) (list []string) {
	for _, o := range objects {
		list = append(list, o.Key)
	}
	return list
}

func TestList(t *testing.T) {
	b, made := gateway(t, nil)
	for _, key := range []string{"b", "a.info", "a", "a.part", "outbox/pending/1", "outbox/pending/2", "outbox/dead/3", "z"} {
		must(b.Put(t.Context(), key, text(key), Absent))(t)
	}
	made.take()
	for _, c := range []struct {
		prefix, after string
		most          int
		want          []string
		more          bool
	}{
		{"", "", 1000, []string{"a", "a.info", "a.part", "b", "z"}, false},
		{"", "", 5000, []string{"a", "a.info", "a.part", "b", "z"}, false},
		{"", "", 2, []string{"a", "a.info"}, true},
		{"", "a.info", 2, []string{"a.part", "b"}, true},
		{"", "z", 2, nil, false},
		{"", "a.i", 1, []string{"a.info"}, true},
		{"a", "", 10, []string{"a", "a.info", "a.part"}, false},
		{"outbox/pending/", "", 10, []string{"outbox/pending/1", "outbox/pending/2"}, false},
		{"outbox/pending/", "outbox/pending/1", 10, []string{"outbox/pending/2"}, false},
		{"outbox/", "", 10, nil, false},
		{"none", "", 10, nil, false},
	} {
		objects, more, err := b.List(t.Context(), c.prefix, c.after, c.most)
		if err != nil || !slices.Equal(keys(objects), c.want) || more != c.more {
			t.Errorf("%q after %q: %v, %v, %v", c.prefix, c.after, keys(objects), more, err)
		}
		made.want(t, "ListObjectsV2")
		for _, o := range objects {
			if o.Size != int64(len(o.Key)) || o.ETag == "" || o.Modified.IsZero() {
				t.Errorf("%+v", o)
			}
		}
	}
	// "b" is before, "outbox/" between and "z" after: a page of what lies deeper says nothing.
	objects, _, err := b.List(t.Context(), "", "b", 1)
	if err != nil || !slices.Equal(keys(objects), []string{"z"}) {
		t.Errorf("past a folder: %v, %v", keys(objects), err)
	}
	made.want(t, "ListObjectsV2", "ListObjectsV2")
}

func TestListingThatDoesNotGoOn(t *testing.T) {
	b, _ := scripted(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case q.Has("list-type"):
			fmt.Fprint(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>")
		case q.Has("uploads"):
			fmt.Fprint(w, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>")
		default:
			fmt.Fprint(w, "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker></ListPartsResult>")
		}
	})
	_, _, err := b.List(t.Context(), "", "", 1)
	wantError(t, err, ErrAway)
	wantError(t, b.Multiparts(t.Context(), nil), ErrAway)
	_, err = b.Parts(t.Context(), "a", "i")
	wantError(t, err, ErrAway)
}
