package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestMultipart(t *testing.T) {
	for _, checksum := range []string{"crc32c", "crc32c-object", "sha256"} {
		t.Run(checksum, func(t *testing.T) {
			b, made := gateway(t, func(o *Options) { o.Checksum = checksum })
			id := must(b.CreateMultipart(t.Context(), "a", map[string]string{"k": "v"}, "text/x-own"))(t)
			stored, all := parts(t, b, "a", id, 5*mib, 6*mib, 7)
			listed := must(b.Parts(t.Context(), "a", id))(t)
			for i, p := range listed {
				if p.Modified.IsZero() {
					t.Errorf("%+v", p)
				}
				p.Modified = time.Time{}
				if p != stored[i] {
					t.Errorf("PutPart %+v, Parts %+v", stored[i], p)
				}
			}
			made.take()
			done := must(b.Complete(t.Context(), "a", id, listed, int64(len(all))))(t)
			made.want(t, "CompleteMultipartUpload", "HeadObject")
			data, found, err := b.Read(t.Context(), "a", int64(len(all)))
			if err != nil || !bytes.Equal(data, all) || found.Metadata["k"] != "v" || found.ETag != done.ETag || done.Size != int64(len(all)) || done.Metadata["k"] != "v" {
				t.Errorf("%d bytes, %+v, %+v, %v", len(data), found, done, err)
			}
		})
	}
}

// Some parts are missing at first, one is stored twice, and the last one first.
func TestPartsInAnyOrder(t *testing.T) {
	b, _ := gateway(t, nil)
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	must(b.PutPart(t.Context(), "a", id, 40, text("last")))(t)
	old := must(b.PutPart(t.Context(), "a", id, 2, content(bytes.Repeat([]byte("o"), 5*mib))))(t)
	must(b.PutPart(t.Context(), "a", id, 2, content(bytes.Repeat([]byte("n"), 6*mib))))(t)
	listed := must(b.Parts(t.Context(), "a", id))(t)
	if len(listed) != 2 || listed[0].Number != 2 || listed[0].Size != 6*mib || listed[1].Number != 40 {
		t.Fatalf("%+v", listed)
	}
	_, err := b.Complete(t.Context(), "a", id, []Part{old, listed[1]}, 5*mib+4)
	wantError(t, err, ErrInvalidParts)
	must(b.Complete(t.Context(), "a", id, listed, 6*mib+4))(t)
}

func TestNoMultipart(t *testing.T) {
	b, made := gateway(t, nil)
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	stored, _ := parts(t, b, "a", id, 5)
	for range 2 {
		if err := b.Abort(t.Context(), "a", id); err != nil {
			t.Error(err)
		}
	}
	made.take()
	_, err := b.Parts(t.Context(), "a", id)
	wantError(t, err, ErrNoMultipart)
	_, err = b.PutPart(t.Context(), "a", id, 1, text("x"))
	wantError(t, err, ErrNoMultipart)
	made.want(t, "ListParts", "UploadPart")
	_, err = b.Complete(t.Context(), "a", id, stored, 5)
	wantError(t, err, ErrNoMultipart)
	made.want(t, "CompleteMultipartUpload", "HeadObject")
}

// An early no to a large body breaks the sending of it, and is heard all the same.
func TestLargePartOfNoMultipart(t *testing.T) {
	b, _ := gateway(t, nil)
	for range 5 {
		_, err := b.PutPart(t.Context(), "a", "0b6bbd87-3ac9-4ac9-b7ea-b7ae25f8ea4f", 1, content(make([]byte, 32*mib)))
		wantError(t, err, ErrNoMultipart)
	}
}

func TestManyParts(t *testing.T) {
	b, made := gateway(t, func(o *Options) { o.Checksum = wholeObject })
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	numbers := make(chan int)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range numbers {
				if _, err := b.PutPart(t.Context(), "a", id, n, text(fmt.Sprint(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range 1001 {
		numbers <- n + 1
	}
	close(numbers)
	all.Wait()
	made.take()
	listed := must(b.Parts(t.Context(), "a", id))(t)
	made.want(t, "ListParts", "ListParts")
	for i, p := range listed {
		if p.Number != i+1 || p.CRC32C != encodeSum(sumOf([]byte(fmt.Sprint(i+1)))) {
			t.Fatalf("%d: %+v", i, p)
		}
	}
	if len(listed) != 1001 {
		t.Errorf("%d parts", len(listed))
	}
	if err := b.Abort(t.Context(), "a", id); err != nil {
		t.Error(err)
	}
}

// One endpoint's last page has 0 for the next part, and says that it is the last.
func TestLastPageOfParts(t *testing.T) {
	b, _ := scripted(t, nil, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			fmt.Fprint(w, "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker><Part><PartNumber>1</PartNumber></Part></ListPartsResult>")
			return
		}
		fmt.Fprintf(w, "<ListPartsResult><IsTruncated>false</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker><Part><PartNumber>%s1</PartNumber></Part></ListPartsResult>", r.URL.Query().Get("part-number-marker"))
	})
	listed := must(b.Parts(t.Context(), "a", "i"))(t)
	if len(listed) != 2 || listed[1].Number != 11 {
		t.Errorf("%+v", listed)
	}
}

func TestCopyPart(t *testing.T) {
	for _, checksum := range []string{"crc32c-object", "crc32c"} {
		t.Run(checksum, func(t *testing.T) {
			b, made := gateway(t, func(o *Options) { o.Checksum = checksum })
			data := bytes.Repeat([]byte("0123456789"), 600_000)
			from := must(b.Put(t.Context(), "from+1", content(data), Absent))(t)
			id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
			made.take()
			first := must(b.CopyPart(t.Context(), "a", id, 1, "from+1", 0, 5*mib, from.ETag))(t)
			second := must(b.CopyPart(t.Context(), "a", id, 2, "from+1", 5, 3, ""))(t)
			made.want(t, "UploadPartCopy", "UploadPartCopy")
			third := must(b.PutPart(t.Context(), "a", id, 2, text("abc")))(t)
			if first.Size != 5*mib || second.Size != 3 || first.ETag == "" {
				t.Errorf("%+v, %+v", first, second)
			}
			_, err := b.CopyPart(t.Context(), "a", id, 3, "from+1", 0, 3, `"0123456789abcdef0123456789abcdef"`)
			wantError(t, err, ErrConflict)
			_, err = b.CopyPart(t.Context(), "a", id, 3, "from+1", int64(len(data)-1), 3, "")
			wantError(t, err, ErrRange)
			_, err = b.CopyPart(t.Context(), "a", id, 3, "from+1", 0, 0, "")
			wantError(t, err, ErrRange)
			_, err = b.CopyPart(t.Context(), "a", id, 3, "none", 0, 3, "")
			wantError(t, err, ErrNotFound)
			must(b.Complete(t.Context(), "a", id, []Part{first, third}, 5*mib+3))(t)
			got, _, err := b.Read(t.Context(), "a", 6*mib)
			if err != nil || !bytes.Equal(got, append(data[:5*mib:5*mib], "abc"...)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			_, err = b.CopyPart(t.Context(), "a", id, 3, "from+1", 0, 3, "")
			wantError(t, err, ErrNoMultipart)
		})
	}
}

// S3 begins its answer before the copy is done, and may then say 200 with an error.
func TestCopyFailsWith200(t *testing.T) {
	b, made := scripted(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusOK, "InternalError") })
	_, err := b.CopyPart(t.Context(), "a", "i", 1, "b", 0, 1, "")
	wantError(t, err, ErrAway)
	made.want(t, "UploadPartCopy", "UploadPartCopy", "UploadPartCopy")
}

func TestMultiparts(t *testing.T) {
	b, made := gateway(t, nil)
	begun := map[string]string{}
	for i := range 3 {
		key := fmt.Sprint(i)
		begun[key] = must(b.CreateMultipart(t.Context(), key, nil, ""))(t)
	}
	made.take()
	enough := errors.New("enough")
	n := 0
	err := b.Multiparts(t.Context(), func(key, id string, at time.Time) error {
		if begun[key] != id || at.IsZero() {
			t.Errorf("%s, %s, %v", key, id, at)
		}
		n++
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
	made.want(t, "ListMultipartUploads")
	if err := b.Multiparts(t.Context(), func(string, string, time.Time) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// A second attempt would leave a multipart upload that nobody knows of.
func TestCreateMultipartIsTriedOnce(t *testing.T) {
	b, made := scripted(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusInternalServerError, "InternalError")
	})
	_, err := b.CreateMultipart(context.Background(), "a", nil, "")
	wantError(t, err, ErrAway)
	made.want(t, "CreateMultipartUpload")
}
