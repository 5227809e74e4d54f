// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace quantscope {

/// A curve of a method's insides: y over x (AWQ's loss over alpha, GPTQ's error of each column).
struct TraceSeries {
    std::string name;    ///< "loss"
    std::string xLabel;  ///< "alpha"
    std::string yLabel;  ///< "||Q(W s) x / s - W x||^2"
    std::vector<double> x;
    std::vector<double> y;
};

/// What a method did, recorded for the pictures of its insides. Small: curves, never matrices.
struct Trace {
    std::vector<TraceSeries> series;

    void add(std::string name, std::string xLabel, std::string yLabel, std::vector<double> x,
             std::vector<double> y) {
        series.push_back({std::move(name), std::move(xLabel), std::move(yLabel), std::move(x), std::move(y)});
    }
};

}  // namespace quantscope
