import ModelCore

extension LayerCase {
  static let joins: [LayerCase] = [
    LayerCase("sum of 2", [4, 4, 2], batch: 7) {
      let a = $0.add(.conv(5, 2), from: ["input"])
      let b = $0.add(.conv(5, 2), from: ["input"])
      $0.add(.add, from: [a, b])
    },
    LayerCase("sum of 3, ReLU", [4, 4, 2], batch: 2) {
      let a = $0.add(.conv(17, 2), from: ["input"])
      let b = $0.add(.conv(17, 2, activation: .relu), from: ["input"])
      let c = $0.add(.conv(17, 2, activation: .tanh), from: ["input"])
      $0.add(.add, from: [a, b, c])
      $0.add(.activation(.relu))
    },
    LayerCase("sum with itself", [4, 4, 2], batch: 2) {
      let a = $0.add(.conv(5, 2))
      $0.add(.add, from: [a, a])
      $0.add(.activation(.sigmoid))
    },
    LayerCase("sum of vectors", [5], batch: 33) {
      let a = $0.add(.dense(17), from: ["input"])
      let b = $0.add(.dense(17, activation: .elu(alpha: 1)), from: ["input"])
      $0.add(.add, from: [b, a])
    },
    LayerCase("sum with the input", [3, 3, 5], batch: 7) {
      let a = $0.add(.conv(5, 3, padding: .same, activation: .relu))
      $0.add(.add, from: ["input", a])
    },
    concatenation("5 and 3", [5, 3]),
    concatenation("16 and 32", [16, 32]),
    concatenation("17, 1 and 15", [17, 1, 15]),
    concatenation("8, 8 and 8", [8, 8, 8]),
    LayerCase("concatenated vectors", [5], batch: 7) {
      let a = $0.add(.dense(17), from: ["input"])
      let b = $0.add(.dense(3, activation: .tanh), from: ["input"])
      $0.add(.concatenate(axis: 1), from: [b, "input", a])
      $0.add(.dense(6, activation: .relu))
    },
    LayerCase("concatenated with itself and the input", [3, 3, 3], batch: 7) {
      let a = $0.add(.conv(5, 1, activation: .relu))
      $0.add(.concatenate(axis: 3), from: [a, "input", a])
      $0.add(.conv(17, 2))
    },
    LayerCase("one output read by four", [5, 5, 2], batch: 2) {
      let stem = $0.add(.conv(17, 2, activation: .relu))
      let a = $0.add(.conv(17, 3, padding: .same, activation: .relu), from: [stem])
      let b = $0.add(.pool(.max, 3, strides: (1, 1), padding: .same), from: [stem])
      let c = $0.add(.norm(), from: [stem])
      $0.add(.add, from: [a, b, c, stem])
    },
    LayerCase("scores read twice", [5], batch: 7, classified: false) {
      let a = $0.add(.dense(4, activation: .softmax))
      let b = $0.add(.dense(4, activation: .sigmoid), from: [a])
      $0.add(.add, from: [a, b])
    },
    LayerCase("a branch that leads nowhere", [4, 4, 2], batch: 2) {
      let a = $0.add(.conv(5, 2))
      $0.add(.conv(3, 2), from: ["input"])
      $0.add(.activation(.relu), from: [a])
    },
  ]

  private static func concatenation(_ name: String, _ channels: [Int]) -> LayerCase {
    LayerCase("concatenated \(name)", [4, 3, 2], batch: 2) { sketch in
      let branches = channels.map { sketch.add(.conv($0, 2), from: ["input"]) }
      sketch.add(.concatenate(axis: -1), from: branches)
      sketch.add(.activation(.relu))
      sketch.add(.conv(5, 2))
    }
  }

  /// `Add` beside a normalization, which the engine may take in one pass.
  static let residuals: [LayerCase] = [
    residual("identity") { _, stem in stem },
    residual("projection") { sketch, stem in sketch.add(.conv(17, 1), from: [stem]) },
    residual("normalized projection") { sketch, stem in
      let projection = sketch.add(.conv(17, 1, usesBias: false), from: [stem])
      return sketch.add(.norm(scale: false), from: [projection])
    },
    LayerCase("sum of an image and itself normalized", [4, 4, 2], batch: 7) {
      let stem = $0.add(.conv(5, 2))
      let norm = $0.add(.norm())
      $0.add(.add, from: [norm, stem])
      $0.add(.activation(.relu))
    },
    LayerCase("sum of a normalization and itself", [4, 4, 2], batch: 7) {
      $0.add(.conv(5, 2))
      let norm = $0.add(.norm())
      $0.add(.add, from: [norm, norm])
    },
    LayerCase("sum with a normalized ReLU", [4, 4, 2], batch: 7) {
      let stem = $0.add(.conv(16, 2))
      $0.add(.norm())
      let relu = $0.add(.activation(.relu))
      $0.add(.add, from: [stem, relu])
      $0.add(.activation(.leakyReLU(slope: 0.2)))
    },
    LayerCase("sum of vectors, normalized", [6], batch: 33) {
      let stem = $0.add(.dense(17))
      let norm = $0.add(.norm(center: false))
      $0.add(.add, from: [stem, norm])
      $0.add(.activation(.relu))
    },
    LayerCase("two blocks", [5, 5, 2], batch: 7) {
      var stem = $0.add(.conv(5, 2, activation: .relu))
      for _ in 0..<2 {
        $0.add(.conv(5, 3, padding: .same, usesBias: false))
        let norm = $0.add(.norm())
        $0.add(.add, from: [norm, stem])
        stem = $0.add(.activation(.relu))
      }
      $0.add(.globalAveragePooling2D(keepsDimensions: false))
    },
  ]

  private static func residual(
    _ name: String, _ shortcut: (inout NetworkSketch, _ stem: String) -> String
  ) -> LayerCase {
    LayerCase("residual, \(name)", [4, 4, 2], batch: 7) { sketch in
      let stem = sketch.add(.conv(17, 2, activation: .relu))
      let other = shortcut(&sketch, stem)
      sketch.add(.conv(17, 2, padding: .same, usesBias: false), from: [stem])
      let norm = sketch.add(.norm())
      sketch.add(.add, from: [norm, other])
      sketch.add(.activation(.relu))
    }
  }

  static let borders: [LayerCase] = [
    border("bottom and right, stride 2", (0, 1, 0, 1), .conv(6, 3, strides: (2, 2))),
    border("all around", (1, 1, 1, 1), .conv(17, 3)),
    border("uneven", (2, 0, 1, 2), .conv(6, 3)),
    border("beyond the window", (3, 2, 1, 4), .conv(6, 2)),
    border("before 1x1", (1, 1, 1, 1), .conv(6, 1, strides: (2, 2))),
    border("before same", (1, 0, 0, 2), .conv(6, 3, strides: (2, 2), padding: .same)),
    border("rows that strides leave out", (0, 2, 0, 1), .conv(6, 2, strides: (3, 3))),
    border("dilated", (2, 2, 1, 1), .conv(6, 3, dilation: (2, 2))),
    border("before a max pool", (1, 0, 1, 0), .pool(.max, 2, strides: (2, 2))),
    border("before an average pool", (1, 0, 1, 0), .pool(.average, 3, strides: (2, 2))),
    border("before a global mean", (1, 2, 3, 0), .globalAveragePooling2D(keepsDimensions: true)),
    border("before a normalization", (0, 2, 1, 0), .norm()),
    border("before a sigmoid", (1, 0, 0, 1), .activation(.sigmoid)),
    border("twice", (1, 0, 2, 1), .zeroPadding2D(top: 0, bottom: 1, left: 0, right: 2)),
    border("of nothing", (0, 0, 0, 0), .conv(6, 2)),
    LayerCase("padded input", [4, 5, 3], batch: 7) {
      $0.add(.zeroPadding2D(top: 1, bottom: 0, left: 0, right: 1))
      $0.add(.conv(5, 3))
    },
    LayerCase("padded, read by two", [4, 5, 3], batch: 7) {
      $0.add(.conv(5, 2))
      let pad = $0.add(.zeroPadding2D(top: 1, bottom: 1, left: 1, right: 1))
      let a = $0.add(.conv(6, 3), from: [pad])
      let b = $0.add(.conv(6, 3, activation: .relu), from: [pad])
      $0.add(.add, from: [a, b])
    },
    LayerCase("global mean to scores", [4, 5, 3], batch: 7, classified: false) {
      $0.add(.conv(17, 2, activation: .relu))
      $0.add(.conv(5, 1))
      $0.add(.globalAveragePooling2D(keepsDimensions: false))
      $0.add(.activation(.softmax))
    },
    LayerCase("global mean, kept, then 1x1", [4, 5, 3], batch: 7) {
      $0.add(.conv(5, 2, activation: .relu))
      $0.add(.globalAveragePooling2D(keepsDimensions: true))
      $0.add(.conv(17, 1, activation: .tanh))
    },
    LayerCase("global mean of the input", [4, 5, 17], batch: 2) {
      $0.add(.globalAveragePooling2D(keepsDimensions: false))
      $0.add(.dense(5))
    },
    LayerCase("pooled input", [4, 5, 3], batch: 2) {
      $0.add(.pool(.max, 2, strides: (2, 2), padding: .same))
      $0.add(.conv(5, 2))
    },
    LayerCase("ReLU, max pool", [6, 6, 2], batch: 7) {
      $0.add(.conv(17, 3, activation: .relu))
      $0.add(.pool(.max, 2, strides: (2, 2)))
      $0.add(.conv(5, 2, activation: .relu))
      $0.add(.pool(.max, 1, strides: (1, 1)))
    },
    LayerCase("ReLU read by a max pool and another", [5, 5, 2], batch: 7) {
      let stem = $0.add(.conv(5, 2, activation: .relu))
      let a = $0.add(.pool(.max, 2, strides: (1, 1), padding: .same))
      let b = $0.add(.conv(5, 1), from: [stem])
      $0.add(.add, from: [a, b])
    },
    LayerCase("max pool, ReLU", [6, 6, 2], batch: 7) {
      $0.add(.conv(5, 3))
      $0.add(.pool(.max, 2, strides: (2, 2)))
      $0.add(.activation(.relu))
    },
    LayerCase("average pool, tanh, max pool", [8, 8, 2], batch: 2) {
      $0.add(.conv(5, 2, activation: .tanh))
      $0.add(.pool(.average, 2, strides: (2, 2), padding: .same))
      $0.add(.activation(.tanh))
      $0.add(.pool(.max, 2, strides: (1, 1)))
    },
  ]

  private static func border(
    _ name: String, _ border: (Int, Int, Int, Int), _ kind: Layer.Kind
  ) -> LayerCase {
    LayerCase("border \(name)", [4, 5, 2], batch: 7) {
      $0.add(.conv(5, 1, activation: .sigmoid))
      $0.add(
        .zeroPadding2D(top: border.0, bottom: border.1, left: border.2, right: border.3))
      $0.add(kind)
    }
  }
}
