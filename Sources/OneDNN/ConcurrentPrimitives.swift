internal import CKernels
internal import COneDNN

/// Primitives that run at the same time, each by one thread of the team.
///
/// What they write must not overlap.
public final class ConcurrentPrimitives {
  private let primitives: [Primitive]
  private let streams: [Stream]
  private let shares: UnsafeMutableBufferPointer<Share>

  public init(_ primitives: [Primitive]) throws(OneDNNError) {
    self.primitives = primitives
    // A stream serves one thread at a time.
    streams = try primitives.map { primitive throws(OneDNNError) in
      try Stream(on: primitive.processor.device)
    }
    shares = .allocate(capacity: primitives.count)
    for (index, (primitive, stream)) in zip(primitives, streams).enumerated() {
      shares.initializeElement(
        at: index,
        to: Share(
          primitive: .passUnretained(primitive), stream: stream.handle, status: dnnl_success))
    }
  }

  deinit { shares.deallocate() }

  /// The name of what does the work.
  public var implementation: String { primitives.first?.implementation ?? "" }

  /// Runs and returns when all are done.
  public func execute() throws(OneDNNError) {
    ck_parallel(shares.count, .max, executeShares, shares.baseAddress)
    for share in shares { try check(share.status, "running \(implementation)") }
  }
}

private struct Share {
  let primitive: Unmanaged<Primitive>
  let stream: dnnl_stream_t
  var status: dnnl_status_t
}

private func executeShares(_ context: UnsafeRawPointer?, _ begin: Int, _ end: Int) {
  guard let context else { return }
  let shares = UnsafeMutableRawPointer(mutating: context).assumingMemoryBound(to: Share.self)
  for index in begin..<end {
    let stream = shares[index].stream
    shares[index].status = shares[index].primitive._withUnsafeGuaranteedRef { $0.run(on: stream) }
  }
}
