//! The two halves of a stream's life as tables: in come a state and what happened, out comes the next state, or nothing
//! when the RFC has no such transition. What a transition entails is the caller's.

/// The sending part of a stream (RFC 9000 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendState {
    /// Open; nothing has been sent.
    Ready,
    /// Data has been sent.
    Send,
    /// All data and the end have been sent.
    DataSent,
    /// All data has been acknowledged.
    DataRecvd,
    /// The stream was abandoned with RESET_STREAM.
    ResetSent,
    /// The peer acknowledged RESET_STREAM.
    ResetRecvd,
}

/// What can happen to the sending part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendInput {
    /// A STREAM or STREAM_DATA_BLOCKED frame was sent.
    SentData,
    /// A STREAM frame with FIN was sent.
    SentFin,
    /// RESET_STREAM is sent.
    SentReset,
    /// The last missing acknowledgement of data came.
    AllAcknowledged,
    /// RESET_STREAM was acknowledged.
    ResetAcknowledged,
}

impl SendState {
    /// The state after `input`; `None` when nothing changes.
    #[must_use]
    pub const fn after(self, input: SendInput) -> Option<Self> {
        match (self, input) {
            (Self::Ready, SendInput::SentData) => Some(Self::Send),
            // Sending a first frame with FIN is two transitions at once.
            (Self::Ready | Self::Send, SendInput::SentFin) => Some(Self::DataSent),
            (Self::Ready | Self::Send | Self::DataSent, SendInput::SentReset) => {
                Some(Self::ResetSent)
            }
            (Self::DataSent, SendInput::AllAcknowledged) => Some(Self::DataRecvd),
            (Self::ResetSent, SendInput::ResetAcknowledged) => Some(Self::ResetRecvd),
            (Self::Ready, SendInput::AllAcknowledged | SendInput::ResetAcknowledged)
            | (
                Self::Send,
                SendInput::SentData | SendInput::AllAcknowledged | SendInput::ResetAcknowledged,
            )
            | (
                Self::DataSent,
                SendInput::SentData | SendInput::SentFin | SendInput::ResetAcknowledged,
            )
            | (
                Self::ResetSent,
                SendInput::SentData
                | SendInput::SentFin
                | SendInput::SentReset
                | SendInput::AllAcknowledged,
            )
            | (Self::DataRecvd | Self::ResetRecvd, _) => None,
        }
    }

    /// Whether nothing will ever be sent again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::DataRecvd | Self::ResetRecvd)
    }

    /// Whether the application may still add data or the end.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Send)
    }
}

/// The receiving part of a stream (RFC 9000 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveState {
    /// Open; the end is not known.
    Recv,
    /// The end is known; data is missing.
    SizeKnown,
    /// All data is here.
    DataRecvd,
    /// The application took all data and the end.
    DataRead,
    /// The peer abandoned the stream.
    ResetRecvd,
    /// The application knows that the peer abandoned the stream.
    ResetRead,
}

/// What can happen to the receiving part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveInput {
    /// A STREAM frame with FIN came.
    Fin,
    /// The last missing byte came.
    AllReceived,
    /// The application took the last byte and the end.
    AllRead,
    /// RESET_STREAM came.
    Reset,
    /// The application was told of the reset.
    ResetRead,
}

impl ReceiveState {
    /// The state after `input`; `None` when nothing changes.
    #[must_use]
    pub const fn after(self, input: ReceiveInput) -> Option<Self> {
        match (self, input) {
            (Self::Recv, ReceiveInput::Fin) => Some(Self::SizeKnown),
            (Self::Recv | Self::SizeKnown, ReceiveInput::Reset) => Some(Self::ResetRecvd),
            (Self::SizeKnown, ReceiveInput::AllReceived) => Some(Self::DataRecvd),
            (Self::DataRecvd, ReceiveInput::AllRead) => Some(Self::DataRead),
            (Self::ResetRecvd, ReceiveInput::ResetRead) => Some(Self::ResetRead),
            (
                Self::Recv,
                ReceiveInput::AllReceived | ReceiveInput::AllRead | ReceiveInput::ResetRead,
            )
            | (
                Self::SizeKnown,
                ReceiveInput::Fin | ReceiveInput::AllRead | ReceiveInput::ResetRead,
            )
            // A reset that comes after all data is not told: the data is worth more to the application.
            | (
                Self::DataRecvd,
                ReceiveInput::Fin
                | ReceiveInput::AllReceived
                | ReceiveInput::Reset
                | ReceiveInput::ResetRead,
            )
            | (
                Self::ResetRecvd,
                ReceiveInput::Fin
                | ReceiveInput::AllReceived
                | ReceiveInput::AllRead
                | ReceiveInput::Reset,
            )
            | (Self::DataRead | Self::ResetRead, _) => None,
        }
    }

    /// Whether nothing will ever come from here again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::DataRead | Self::ResetRead)
    }
}
