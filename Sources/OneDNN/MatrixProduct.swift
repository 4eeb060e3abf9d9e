internal import CKernels
internal import COneDNN

/// `C [M, N] = op(A) [M, K] * op(B) [K, N]`, all row by row.
///
/// Corresponds to `dnnl_sgemm`, called by every thread of the team for its part of C. That is as
/// fast as oneDNN's inner products. Its own ways of sharing let threads wait for each other by
/// spinning: on a busy machine a small product then takes a whole time slice.
public final class MatrixProduct {
  fileprivate let rows: Int
  fileprivate let columns: Int
  fileprivate let depth: Int
  fileprivate let transposesLeft: Bool
  fileprivate let transposesRight: Bool
  /// One for each block, of which the thread that begins there writes it.
  fileprivate let statuses: UnsafeMutableBufferPointer<dnnl_status_t>

  /// - Parameters:
  ///   - rows: M.
  ///   - columns: N.
  ///   - depth: K.
  ///   - transposesLeft: A is stored as `[K, M]`.
  ///   - transposesRight: B is stored as `[N, K]`.
  public init(
    rows: Int, columns: Int, depth: Int, transposesLeft: Bool = false,
    transposesRight: Bool = false
  ) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.transposesLeft = transposesLeft
    self.transposesRight = transposesRight
    statuses = .allocate(capacity: (max(rows, columns) + Self.block - 1) / Self.block)
  }

  deinit { statuses.deallocate() }

  /// - Parameters:
  ///   - left: A.
  ///   - right: B.
  ///   - result: C, which is overwritten.
  public func run(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) throws(OneDNNError) {
    statuses.initialize(repeating: dnnl_success)
    let call = Call(product: .passUnretained(self), left: left, right: right, result: result)
    withUnsafePointer(to: call) { call in
      if rows * columns * depth < Self.smallestShared {
        multiplyBlocks(call, 0, blocks)
      } else {
        ck_parallel(blocks, .max, multiplyBlocks, call)
      }
    }
    for status in statuses { try check(status, "a matrix product") }
  }

  /// Below this many multiplications, sharing costs more than it gains.
  private static let smallestShared = 1 << 21
  /// Parts begin at multiples of this: a cache line, and whole registers.
  fileprivate static let block = 16
  /// Every thread packs the operand that it shares with the others, so that is the smaller one.
  fileprivate var splitsRows: Bool { rows >= columns }
  private var blocks: Int { statuses.count }
}

/// What the threads of the team have to know.
private struct Call {
  let product: Unmanaged<MatrixProduct>
  let left: UnsafePointer<Float>
  let right: UnsafePointer<Float>
  let result: UnsafeMutablePointer<Float>
}

private func multiplyBlocks(_ context: UnsafeRawPointer?, _ begin: Int, _ end: Int) {
  guard let call = context?.assumingMemoryBound(to: Call.self).pointee else { return }
  call.product._withUnsafeGuaranteedRef { product in
    product.statuses[begin] = product.multiply(call, blocks: begin..<end)
  }
}

extension MatrixProduct {
  fileprivate func multiply(_ call: Call, blocks: Range<Int>) -> dnnl_status_t {
    let first = blocks.lowerBound * Self.block
    let count = min(blocks.upperBound * Self.block, splitsRows ? rows : columns) - first
    var (left, right, result) = (call.left, call.right, call.result)
    if splitsRows {
      left += first * (transposesLeft ? 1 : depth)
      result += first * columns
    } else {
      right += first * (transposesRight ? depth : 1)
      result += first
    }
    return dnnl_sgemm(
      Self.letter(transposesLeft), Self.letter(transposesRight),
      Int64(splitsRows ? count : rows), Int64(splitsRows ? columns : count), Int64(depth), 1,
      left, Int64(transposesLeft ? rows : depth), right,
      Int64(transposesRight ? depth : columns), 0, result, Int64(columns))
  }

  private static func letter(_ transposes: Bool) -> CChar {
    CChar(bitPattern: UInt8(ascii: transposes ? "T" : "N"))
  }
}
