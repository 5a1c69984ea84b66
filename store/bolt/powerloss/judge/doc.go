// Package judge opens an image with the real engine and says what is wrong with it.
package judge
