package bucket

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// The check's object has one name, so that a start which may not delete leaves one at
// most; what an earlier one left is no trouble.
func TestCheckLeavesOneObjectAtMost(t *testing.T) {
	b, _ := gateway(t, nil)
	for range 2 {
		must(b.Put(t.Context(), "check/plateau", text("left by an earlier check"), Any))(t)
		b.proven.Store(false)
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left, _, err := b.List(t.Context(), "check/", "", 10); err != nil || len(left) > 0 {
			t.Errorf("left: %+v, %v", left, err)
		}
	}
	var mu sync.Mutex
	keys := make(map[string]bool)
	forbid := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete || r.Method == http.MethodPut {
			mu.Lock()
			keys[r.URL.Path] = true
			mu.Unlock()
		}
		if r.Method == http.MethodDelete && !r.URL.Query().Has("uploadId") {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	}
	for range 2 {
		wantWords(t, imitated(t, forbid).Check(t.Context()), "the right s3:DeleteObject is missing")
	}
	if len(keys) != 1 {
		t.Errorf("objects of two checks: %v", keys)
	}
}

// Another server's check deletes the object in the middle of ours, which is no trouble.
func TestChecksBesideEachOther(t *testing.T) {
	var mu sync.Mutex
	puts := 0
	b, made := scripted(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodPut:
			if puts++; puts == 4 {
				refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
			}
		case r.Method == http.MethodGet:
			fmt.Fprint(w, "written by a check of the bucket; it may be deleted\n")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	if err := b.checkObject(t.Context()); err != nil {
		t.Error(err)
	}
	made.want(t, "PutObject", "PutObject", "GetObject", "DeleteObject", "PutObject", "PutObject", "GetObject", "DeleteObject")
}

// After a refusal the check asks for everything again.
func TestCheckAfterRefusal(t *testing.T) {
	deny := false
	b := imitated(t, func(w http.ResponseWriter, r *http.Request) bool {
		if deny {
			refuse(w, http.StatusForbidden, "AccessDenied")
		}
		return deny
	})
	if err := b.Check(t.Context()); err != nil || !b.proven.Load() {
		t.Fatal(err, b.proven.Load())
	}
	deny = true
	wantError(t, b.Delete(t.Context(), "a"), ErrRefused)
	if b.proven.Load() {
		t.Error("a right is missing, and the next check asks for none")
	}
}
