#!/bin/sh
echo greeting
