// Package apo speaks APO, Antom's payment orchestration, over HTTP.
package apo
