package s3test

import (
	"net/http"
	"net/url"
	"strings"
)

// Operation is an operation of S3, by the name that its documentation has for it.
type Operation string

// The operations that are told apart; any other is Other.
const (
	ListBuckets             Operation = "ListBuckets"
	CreateBucket            Operation = "CreateBucket"
	HeadBucket              Operation = "HeadBucket"
	DeleteBucket            Operation = "DeleteBucket"
	ListObjects             Operation = "ListObjects"
	ListObjectsV2           Operation = "ListObjectsV2"
	ListMultipartUploads    Operation = "ListMultipartUploads"
	DeleteObjects           Operation = "DeleteObjects"
	PutObject               Operation = "PutObject"
	CopyObject              Operation = "CopyObject"
	GetObject               Operation = "GetObject"
	HeadObject              Operation = "HeadObject"
	DeleteObject            Operation = "DeleteObject"
	CreateMultipartUpload   Operation = "CreateMultipartUpload"
	UploadPart              Operation = "UploadPart"
	UploadPartCopy          Operation = "UploadPartCopy"
	ListParts               Operation = "ListParts"
	CompleteMultipartUpload Operation = "CompleteMultipartUpload"
	AbortMultipartUpload    Operation = "AbortMultipartUpload"
	Other                   Operation = "Other"
)

// Call is one call that reached the proxy.
type Call struct {
	// N counts all calls and Nth those of this operation, from 1 on, in the order in which their headers arrived.
	// Proxy.On starts both anew.
	N, Nth int
	// Operation is what is asked of the gateway, for Key in Bucket; a list has no key, its prefix is in Query.
	Operation   Operation
	Bucket, Key string
	// Query and Header are as they came. Don't change them.
	Query  url.Values
	Header http.Header
	// Length is that of the body as it is sent (of an aws-chunked one with its frames); -1: unknown.
	Length int64
	// Answered is the status with which the gateway answered; 0: it has not, or it was not asked.
	Answered int
	// Heard is the status with which the proxy began its answer to the client; 0: it has not, or never will.
	Heard int
	// Over says that the proxy is done with the call. Of one whose connection was closed it is true by then, of any other it becomes
	// so about when the client has heard all.
	Over bool
}

// describe tells a request's call. Buckets are looked for in the path only, as clients send them to an address of numbers.
func describe(r *http.Request) Call {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c := Call{Bucket: bucket, Key: key, Query: r.URL.Query(), Header: r.Header, Length: r.ContentLength}
	switch {
	case bucket == "":
		c.Operation = Other
		if r.Method == http.MethodGet {
			c.Operation = ListBuckets
		}
	case key == "":
		c.Operation = onBucket(r.Method, c.Query)
	default:
		c.Operation = onObject(r.Method, c.Query, r.Header.Get("X-Amz-Copy-Source") != "")
	}
	return c
}

func onBucket(method string, query url.Values) Operation {
	switch {
	case method == http.MethodGet && query.Has("uploads"):
		return ListMultipartUploads
	case method == http.MethodGet && query.Get("list-type") == "2":
		return ListObjectsV2
	case method == http.MethodPost && query.Has("delete"):
		return DeleteObjects
	case special(query):
		return Other
	case method == http.MethodGet:
		return ListObjects
	case method == http.MethodPut:
		return CreateBucket
	case method == http.MethodHead:
		return HeadBucket
	case method == http.MethodDelete:
		return DeleteBucket
	}
	return Other
}

func onObject(method string, query url.Values, copies bool) Operation {
	part := query.Has("uploadId")
	switch {
	case method == http.MethodPost && query.Has("uploads"):
		return CreateMultipartUpload
	case method == http.MethodPost && part:
		return CompleteMultipartUpload
	case method == http.MethodPut && part && copies:
		return UploadPartCopy
	case method == http.MethodPut && part:
		return UploadPart
	case method == http.MethodGet && part:
		return ListParts
	case method == http.MethodDelete && part:
		return AbortMultipartUpload
	case special(query):
		return Other
	case method == http.MethodPut && copies:
		return CopyObject
	case method == http.MethodPut:
		return PutObject
	case method == http.MethodGet:
		return GetObject
	case method == http.MethodHead:
		return HeadObject
	case method == http.MethodDelete:
		return DeleteObject
	}
	return Other
}

// special says whether a query names a part of a bucket or object of which nothing here knows.
func special(query url.Values) bool {
	for _, name := range []string{
		"acl", "attributes", "cors", "encryption", "legal-hold", "lifecycle", "location", "logging", "notification", "object-lock",
		"ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "restore", "retention", "select",
		"tagging", "versioning", "versions", "website",
	} {
		if query.Has(name) {
			return true
		}
	}
	return false
}
