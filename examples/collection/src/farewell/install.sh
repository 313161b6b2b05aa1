#!/bin/sh
echo farewell
