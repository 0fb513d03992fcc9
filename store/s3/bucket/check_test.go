package bucket

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	b, made := gateway(t, nil)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	made.want(t, "ListObjectsV2", "PutObject", "PutObject", "GetObject", "DeleteObject", "ListParts", "AbortMultipartUpload")
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	made.want(t, "ListObjectsV2")
	if left, _, err := b.List(t.Context(), "check/", "", 10); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestCheckOfTheWrongBucket(t *testing.T) {
	g := shared.Gateway(t)
	b, _ := opened(t, optionsFor(g, "none-such"), nil)
	err := b.Check(t.Context())
	wantError(t, err, ErrRefused)
	wantWords(t, err, "there is no bucket none-such at "+g.Endpoint)
}

func TestCheckOfCredentials(t *testing.T) {
	for _, wrong := range []func(*Options){
		func(o *Options) { o.SecretKey = "wrong" },
		func(o *Options) { o.AccessKey = "stranger" },
	} {
		b, _ := gateway(t, wrong)
		err := b.Check(t.Context())
		wantError(t, err, ErrRefused)
		wantWords(t, err, "doesn't take the credentials")
		_, _, err = b.Read(t.Context(), "a", 10) // that nothing is found would be a lie
		wantError(t, err, ErrRefused)
	}
}

func TestCheckOfTheRegion(t *testing.T) {
	b, _ := gateway(t, func(o *Options) { o.Region = "eu-west-7" })
	err := b.Check(t.Context())
	wantError(t, err, ErrRefused)
	wantWords(t, err, "the region eu-west-7 is wrong")
}

func TestCheckWithoutCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	b, made := opened(t, Options{Name: "b", Endpoint: "http://127.0.0.1:1"}, nil)
	err := b.Check(t.Context())
	wantError(t, err, ErrRefused)
	wantWords(t, err, "no credentials were found")
	made.want(t, "ListObjectsV2")
	_, err = b.Presign(t.Context(), "a", time.Minute, "", "")
	wantError(t, err, ErrRefused)
}

func TestCheckOfNobody(t *testing.T) {
	b, made := opened(t, Options{Name: "b", Endpoint: "http://127.0.0.1:1", AccessKey: "a", SecretKey: "s"}, nil)
	err := b.Check(t.Context())
	wantError(t, err, ErrAway)
	wantWords(t, err, "http://127.0.0.1:1 can't be reached", "connection refused")
	made.want(t, "ListObjectsV2", "ListObjectsV2", "ListObjectsV2")
}

// imitated answers a check as a sound endpoint does, but for one call.
func imitated(t *testing.T, odd func(w http.ResponseWriter, r *http.Request) bool) *Bucket {
	t.Helper()
	var mu sync.Mutex
	puts := 0
	var stored []byte
	b, _ := scripted(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if odd(w, r) {
			return
		}
		switch q := r.URL.Query(); {
		case q.Has("list-type"):
			fmt.Fprint(w, "<ListBucketResult/>")
		case q.Has("uploadId"):
			refuse(w, http.StatusNotFound, "NoSuchUpload")
		case r.Method == http.MethodPut:
			if puts++; puts == 2 {
				refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
				return
			}
			stored, _ = io.ReadAll(r.Body)
		case r.Method == http.MethodGet:
			_, _ = w.Write(stored)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	return b
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	const aheadOfUs = time.Hour
	list := func(r *http.Request) bool { return r.URL.Query().Has("list-type") }
	multipart := func(r *http.Request) bool { return r.URL.Query().Has("uploadId") }
	object := func(r *http.Request) bool { return !list(r) && !multipart(r) }
	denied := func(when func(*http.Request) bool, method string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !when(r) || r.Method != method {
				return false
			}
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
	}
	for name, c := range map[string]struct {
		odd   func(http.ResponseWriter, *http.Request) bool
		words string // empty: nothing is wrong
	}{
		"nothing":    {func(http.ResponseWriter, *http.Request) bool { return false }, ""},
		"list":       {denied(list, http.MethodGet), "the right s3:ListBucket is missing"},
		"put":        {denied(object, http.MethodPut), "the right s3:PutObject is missing"},
		"get":        {denied(object, http.MethodGet), "the right s3:GetObject is missing"},
		"delete":     {denied(object, http.MethodDelete), "the right s3:DeleteObject is missing"},
		"list parts": {denied(multipart, http.MethodGet), "the right s3:ListMultipartUploadParts is missing"},
		"abort":      {denied(multipart, http.MethodDelete), "the right s3:AbortMultipartUpload is missing"},
		"conditions": {func(_ http.ResponseWriter, r *http.Request) bool { return object(r) && r.Method == http.MethodPut }, "what was written is not what is read"},
		"not S3":     {func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true }, "that is not an S3 endpoint"},
		"throttles":  {func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 503, "SlowDown"); return true }, "has trouble"},
		"unknown ids": {func(w http.ResponseWriter, r *http.Request) bool {
			if multipart(r) {
				refuse(w, http.StatusBadRequest, "InvalidArgument")
			}
			return multipart(r)
		}, ""},
		"region": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			w.Header().Set("Location", "http://127.0.0.1:1/")
			refuse(w, http.StatusMovedPermanently, "PermanentRedirect")
			return true
		}, "the region us-east-1 is wrong: it is eu-west-1"},
		"clock": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Date", time.Now().Add(aheadOfUs).UTC().Format(http.TimeFormat))
			refuse(w, http.StatusForbidden, "RequestTimeTooSkewed")
			return true
		}, "clock is wrong: it is "},
	} {
		t.Run(name, func(t *testing.T) {
			err := imitated(t, c.odd).Check(t.Context())
			if c.words == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantWords(t, err, c.words)
		})
	}
}

func TestCheckSeesWritersThatAreNotKeptApart(t *testing.T) {
	var stored []byte
	b := imitated(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPut:
			stored, _ = io.ReadAll(r.Body)
		case r.Method == http.MethodGet && r.URL.RawQuery == "x-id=GetObject":
			_, _ = w.Write(stored)
		default:
			return false
		}
		return true
	})
	err := b.Check(t.Context())
	wantError(t, err, ErrRefused)
	wantWords(t, err, "ignores If-None-Match")
}

// A clock that is wrong is said, and requests are signed with the endpoint's time.
func TestClockIsCorrected(t *testing.T) {
	theirs := func() time.Time { return time.Now().Add(time.Hour) }
	var said strings.Builder
	b, made := scripted(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&said, nil)) }, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", theirs().UTC().Format(http.TimeFormat))
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || theirs().Sub(signed).Abs() > 15*time.Minute {
			refuse(w, http.StatusForbidden, "RequestTimeTooSkewed")
			return
		}
		fmt.Fprint(w, "<ListBucketResult/>")
	})
	if err := b.checkList(t.Context()); err != nil {
		t.Error(err)
	}
	made.want(t, "ListObjectsV2", "ListObjectsV2")
	if !strings.Contains(said.String(), "clock") {
		t.Errorf("said %q", said.String())
	}
}
